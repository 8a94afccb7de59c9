/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/known_facts.h"

#include "policy/nearest.h"

#include <string.h>

#define BOOLEAN  POLICY_FACT_BOOLEAN
#define INTEGER  POLICY_FACT_INTEGER
#define STRING   POLICY_FACT_STRING
#define VERSION  POLICY_FACT_VERSION
#define POSTURE  POLICY_SETTER_POSTURE
#define TPM      POLICY_SETTER_TPM
#define DAEMON   POLICY_SETTER_DAEMON
#define VERIFIER POLICY_SETTER_VERIFIER

static const struct policy_known_fact known_facts[] = {
        { "boot.applications", INTEGER, VERIFIER,
          "how many programs firmware and loaders started, the loader among them; `boot.application.2` to `boot.application.8` "
          "are "
          "the digests of those after the loader: the event log" },
        { "boot.command_line", STRING, VERIFIER,
          "the kernel's command line as its loader measured it, with GRUB the kernel's file in front, if it has at most 256 "
          "bytes: the "
          "event log" },
        { "boot.command_line_sha256", STRING, VERIFIER,
          "the SHA-256 of that line in hexadecimal, whatever its length: the event log" },
        { "boot.command_lines", INTEGER, VERIFIER,
          "how many different command lines GRUB, systemd-boot and systemd-stub measured: the event log" },
        { "boot.dbx_entries", INTEGER, VERIFIER, "entries of the Secure Boot revocation list that was in force: the event log" },
        { "boot.debug_mode", BOOLEAN, VERIFIER, "the firmware allowed a debugger: the event log" },
        { "boot.dma_protection", BOOLEAN, VERIFIER,
          "false if the firmware let devices read all memory while it ran: the event log" },
        { "boot.event_log_ok", BOOLEAN, VERIFIER,
          "the boot event log accounts for every quoted register, and the firmware's part of it is whole" },
        { "boot.loader", STRING, VERIFIER,
          "the first program that the firmware started, as its Authenticode digest in hexadecimal, in the strongest quoted bank: "
          "the "
          "event log" },
        { "boot.parameters", STRING, VERIFIER,
          "the names of the kernel's parameters, sorted, with blanks between, as in `quiet ro root`; `boot.parameter.root` and "
          "so on are "
          "their values: the event log" },
        { "boot.sbat_level", VERSION, VERIFIER, "the date of shim's revocations, as in 2023012900: the event log" },
        { "boot.secure_boot", BOOLEAN, POSTURE,
          "Secure Boot is on: the firmware's variable in efivarfs; unreadable without UEFI" },
        { "boot.setup_mode", BOOLEAN, POSTURE,
          "anybody may enrol Secure Boot keys: the firmware's variable; unreadable without UEFI" },
        { "device.ek_certified", BOOLEAN, VERIFIER, "the TPM's endorsement key has a certificate that the issuer accepts" },
        { "device.group", STRING, VERIFIER, "the group that the issuer's operator gave the device" },
        { "disk.root_encrypted", BOOLEAN, POSTURE,
          "every block device under the root file system is encrypted: `/proc/self/mountinfo` and the device mapper in `/sys`" },
        { "disk.root_verity", BOOLEAN, POSTURE, "the root file system is on dm-verity" },
        { "disk.swap_encrypted", BOOLEAN, POSTURE,
          "nothing is swapped to a disk in the clear: `/proc/swaps`; true too if there is no swap, or only zram without a "
          "backing device" },
        { "firewall.active", BOOLEAN, POSTURE,
          "firewalld runs, or ufw is set to be on or nftables.service has loaded its rules, whatever they say, and the kernel "
          "has filter tables; unreadable "
          "where only root could tell" },
        { "firmware.date", VERSION, POSTURE, "the date of the system firmware, as in 2024-03-21: `/sys/class/dmi/id/bios_date`" },
        { "firmware.hsi", INTEGER, DAEMON, "the host security level that fwupd gives, 0 to 5: its property `HostSecurityId`" },
        { "firmware.vendor", STRING, POSTURE, "the maker of the system firmware: `/sys/class/dmi/id/bios_vendor`" },
        { "firmware.version", STRING, POSTURE, "its version as the maker writes it: `/sys/class/dmi/id/bios_version`" },
        { "ima.active", BOOLEAN, POSTURE,
          "IMA has measured more than the boot: `/sys/kernel/security/ima`; often for root only" },
        { "ima.violations", INTEGER, POSTURE,
          "files that were written while they were measured: `/sys/kernel/security/ima/violations`" },
        { "kernel.livepatches", INTEGER, POSTURE, "live patches in force: `/sys/kernel/livepatch`" },
        { "kernel.lockdown", STRING, POSTURE, "`none`, `integrity` or `confidentiality`: `/sys/kernel/security/lockdown`" },
        { "kernel.module_sig_enforce", BOOLEAN, POSTURE,
          "unsigned modules are refused: `/sys/module/module/parameters/sig_enforce`" },
        { "kernel.release", VERSION, POSTURE, "`/proc/sys/kernel/osrelease`" },
        { "kernel.taint", INTEGER, POSTURE, "the bits of `/proc/sys/kernel/tainted`" },
        { "kernel.taint_letters", STRING, POSTURE, "the same as the kernel's letters, as in `OE`; empty if there are none" },
        { "lsm.apparmor", BOOLEAN, POSTURE, "AppArmor is on: `/sys/module/apparmor/parameters/enabled`" },
        { "lsm.apparmor_enforced", INTEGER, POSTURE,
          "profiles in enforce mode: `/sys/kernel/security/apparmor/profiles`; often for root only" },
        { "lsm.bpf", BOOLEAN, POSTURE, "`bpf` is in `lsm.list`" },
        { "lsm.landlock", BOOLEAN, POSTURE, "`landlock` is in `lsm.list`" },
        { "lsm.list", STRING, POSTURE, "the security modules in force, with commas: `/sys/kernel/security/lsm`" },
        { "lsm.selinux", STRING, POSTURE,
          "`enforcing`, `permissive`, `disabled` (set up, but not in force) or `absent`: `/sys/fs/selinux/enforce`" },
        { "malware.clamav", BOOLEAN, POSTURE, "the service of ClamAV's daemon runs: its control group" },
        { "malware.signature_age", INTEGER, POSTURE, "seconds since ClamAV's daily signatures were written: `/var/lib/clamav`" },
        { "os.build", STRING, POSTURE, "`BUILD_ID` of os-release" },
        { "os.id", STRING, POSTURE, "`ID` of `/etc/os-release`, or of `/usr/lib/os-release`" },
        { "os.reboot_required", BOOLEAN, POSTURE,
          "`/run/reboot-required`, or a newer kernel of the running one's kind in `/lib/modules`" },
        { "os.support_end", VERSION, POSTURE,
          "the date `SUPPORT_END` of os-release, or else the end of regular support in `/usr/share/distro-info`" },
        { "os.supported", BOOLEAN, POSTURE, "today is before `os.support_end`" },
        { "os.updates.age", INTEGER, POSTURE,
          "seconds since the system last looked for updates with success: apt's, dnf's or pacman's files, or PackageKit while it "
          "runs" },
        { "os.updates.security", INTEGER, POSTURE,
          "security updates that wait: PackageKit, while it runs; else `/var/lib/update-notifier/updates-available` of Ubuntu; "
          "else "
          "what dpkg has installed against apt's lists of security suites, as of apt's last look; elsewhere unreadable" },
        { "os.version", VERSION, POSTURE,
          "`VERSION_ID`; on Debian the point release of `/etc/debian_version`. A rolling release has none: unreadable" },
        { "quote.age_s", INTEGER, VERIFIER, "seconds since the device made its claims" },
        { "quote.approver", STRING, VERIFIER,
          "the name of the authority whose signatures open the key; a key that is sealed in mode `pcr` has none" },
        { "quote.rolled_back", BOOLEAN, VERIFIER,
          "the TPM counts fewer resets than in an earlier quote by this key: there is a copy of it, or its state was set back" },
        { "quote.sealed", BOOLEAN, VERIFIER,
          "the key signs only while registers hold what was quoted, or what `quote.approver` has signed; `quote.sealed.sha256.7` "
          "says of one register whether it is among them" },
        { "session.active", BOOLEAN, DAEMON,
          "the login session of the program that asks is the one in front, on a seat: logind's `Active`" },
        { "session.docked", BOOLEAN, DAEMON, "the machine is docked, or has more than one screen: logind's `Docked`" },
        { "session.idle", BOOLEAN, DAEMON, "nobody has done anything in that session for a while: logind's `IdleHint`" },
        { "session.lid_closed", BOOLEAN, DAEMON,
          "the lid is closed: logind's `LidClosed`; false where there is no lid. Asked again after a second" },
        { "session.locked", BOOLEAN, DAEMON,
          "that session's screen is locked: logind's `LockedHint`, which not every screen locker sets" },
        { "session.remote", BOOLEAN, DAEMON, "that session is a remote one, as by ssh: logind's `Remote`" },
        { "session.type", STRING, DAEMON, "`x11`, `wayland`, `tty` or another of that session's: logind's `Type`" },
        { "tpm.firmware", VERSION, TPM, "the TPM's firmware version" },
        { "tpm.manufacturer", STRING, TPM, "the TPM's manufacturer, as in `IFX`" },
        { "tpm.simulated", BOOLEAN, TPM, "the TPM is a simulator and no chip" },
        { "tpm.weak", BOOLEAN, TPM, "the firmware is known to make or use keys in a weak way: ROCA, TPM-FAIL" },
        { "virt.container", STRING, POSTURE,
          "`none`, or the container's kind, as in `docker`: `/run/systemd/container` and other marks" },
        { "virt.vm", STRING, POSTURE,
          "`none`, or the virtual machine's kind, as in `kvm`: `/sys/class/dmi/id` and the processor's flag in `/proc/cpuinfo`" },
        { "window.focused", BOOLEAN, DAEMON,
          "the window in front belongs to the program that asks, an ancestor of it, or its application: attester-agent, by the X "
          "server "
          "or sway; false if the session is locked, remote or not in front" },
};

static const char *const open_families[] = { "boot.application.", "boot.parameter.", "custom.", "pcr.",
                                             "quote.sealed.",     "request." };

const struct policy_known_fact *policy_known_facts(size_t *ret_count)
{
        *ret_count = BASE_COUNT(known_facts);
        return known_facts;
}

static int compare(const void *name, const void *row)
{
        return strcmp(name, ((const struct policy_known_fact *) row)->name);
}

const struct policy_known_fact *policy_known_fact_find(const char *name)
{
        return bsearch(name, known_facts, BASE_COUNT(known_facts), sizeof(known_facts[0]), compare);
}

bool policy_fact_name_is_open(const char *name)
{
        for (size_t i = 0; i < BASE_COUNT(open_families); i++)
                if (strncmp(name, open_families[i], strlen(open_families[i])) == 0)
                        return true;
        return false;
}

const char *policy_known_fact_nearest(const char *name)
{
        const char *names[BASE_COUNT(known_facts)];

        for (size_t i = 0; i < BASE_COUNT(known_facts); i++)
                names[i] = known_facts[i].name;
        return policy_nearest_name(name, names, BASE_COUNT(names));
}
