#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What meson installs, against the packages' lists of files: each file is in exactly one package, and no list names what is not there.

Usage: test_installed.py BUILD [unittest arguments]. Building Debian's packages takes minutes: packaging/test-clean-room does. rpmbuild packs
here what meson installed; Debian has no macros of systemd's and meson's, so the test brings them.
"""

import fnmatch
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = None
# systemd's and rpm's macros, as far as the spec uses them.
MACROS = {"_bindir": "usr/bin", "_sbindir": "usr/sbin", "_libexecdir": "usr/libexec", "_datadir": "usr/share", "_mandir": "usr/share/man",
          "_sysconfdir": "etc", "_prefix": "usr", "_includedir": "usr/include", "_libdir": "usr/lib/*", "_unitdir": "usr/lib/systemd/system",
          "_userunitdir": "usr/lib/systemd/user", "_sysusersdir": "usr/lib/sysusers.d", "_tmpfilesdir": "usr/lib/tmpfiles.d",
          "_udevrulesdir": "usr/lib/udev/rules.d", "_journalcatalogdir": "usr/lib/systemd/catalog"}
SCRIPTLETS = ("sysusers_create_compat", "tmpfiles_create", "systemd_post", "systemd_preun", "systemd_postun_with_restart")
# debian/rules has meson put them there, and the RPM's macros elsewhere.
DEBIAN_PLACES = {"usr/lib/systemd/system": "lib/systemd/system", "usr/lib/udev": "lib/udev"}


def covers(pattern, path):
    """As dh_install and rpm take a line: a file, a pattern, or a directory with all that is below."""
    parts = path.split("/")
    return any(fnmatch.fnmatchcase("/".join(parts[:end]), pattern.rstrip("/")) for end in range(1, len(parts) + 1))


def covers_any(patterns, path):
    return any(covers(pattern, path) for pattern in patterns)


class Installed(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory(prefix="attester-installed-")
        cls.addClassCleanup(cls.directory.cleanup)
        done = subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", f"--destdir={cls.directory.name}"], timeout=100,
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise AssertionError(done.stdout + done.stderr)
        cls.paths = sorted(cls.as_packaged(path) for path in cls.everything())

    @classmethod
    def everything(cls):
        """Files and empty directories, without the one on top."""
        top = pathlib.Path(cls.directory.name)
        for directory, directories, files in os.walk(top):
            below = pathlib.Path(directory).relative_to(top)
            yield from (str(below / name) for name in files)
            if not directories and not files:
                yield str(below)

    @staticmethod
    def as_packaged(path):
        """As with the prefix /usr: this build may have another."""
        return re.sub(r"^usr/etc/", "etc/", re.sub(r"^usr/local/", "usr/", path))

    def assert_each_once(self, paths, lists, excluded=()):
        wanted = [path for path in paths if not covers_any(excluded, path)]
        owners = {path: [name for name, patterns in lists.items() if covers_any(patterns, path)] for path in wanted}
        self.assertEqual({path: names for path, names in owners.items() if len(names) != 1}, {}, "in no package, or in several")
        for name, patterns in lists.items():
            for pattern in patterns:
                self.assertTrue(any(covers(pattern, path) for path in paths), f"{name} lists {pattern}, which is not installed")

    def test_debian(self):
        def place(path):
            for there, here in DEBIAN_PLACES.items():
                if path.startswith(there + "/"):
                    return here + path[len(there):]
            return path

        lists = {file.stem: file.read_text().split() for file in (SOURCE / "packaging/debian").glob("*.install")}
        self.assertGreaterEqual(len(lists), 6)
        self.assert_each_once([place(path) for path in self.paths], lists)

    def test_rpm(self):
        text = (SOURCE / "packaging/rpm/attesterd.spec").read_text()
        text = re.sub(r"%\{(\w+)\}", lambda match: MACROS.get(match[1], match[0]), text)
        lists, excluded = {}, []
        for section in re.split(r"(?m)^%files", text.split("%changelog")[0])[1:]:
            first, *lines = section.splitlines()
            patterns = lists.setdefault(first.replace("-n", "").strip() or "attesterd", [])
            for line in lines:
                words = [word for word in line.split() if not re.match(r"%(config|attr|dir)\b", word)]
                if line.startswith("%exclude"):
                    excluded.append(words[1])
                elif words and not words[0].startswith("%"):
                    self.assertNotIn("%", words[0])
                    # A directory alone is not what is in it.
                    patterns += [] if line.startswith("%dir") and self.holds_files(words[0]) else [words[0]]
        self.assertGreaterEqual(len(lists), 6)
        self.assert_each_once(self.paths, lists, excluded)

    def test_rpmbuild_packs_everything(self):
        top = pathlib.Path(self.directory.name, "rpm")
        installed = top / "installed"
        for path in pathlib.Path(self.directory.name).rglob("*"):
            there = installed / self.as_packaged(str(path.relative_to(self.directory.name)))
            if path.is_relative_to(top) or path.is_dir():
                continue
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, there, follow_symlinks=False)
        for path in self.paths:
            (installed / path).parent.mkdir(parents=True, exist_ok=True)
            if not os.path.lexists(installed / path):
                (installed / path).mkdir()
        spec = SOURCE / "packaging/rpm/attesterd.spec"
        version = re.search(r"(?m)^Version:\s+(\S+)$", spec.read_text())[1]
        (top / "SOURCES").mkdir()
        with tarfile.open(top / f"SOURCES/attesterd-{version}.tar.gz", "w:gz") as archive:
            for name in ("LICENSE", "NEWS.md", "SECURITY.md", "docs", "examples"):
                archive.add(SOURCE / name, f"attesterd-{version}/{name}")
        library = next(path for path in self.paths if path.endswith("/libattester.so"))
        macros = {name: f"/{value}" for name, value in MACROS.items()}
        macros |= {name: "true" for name in ("meson", "meson_build", *SCRIPTLETS)}
        macros |= {"meson_install": f"cp -a {installed}/. %{{buildroot}}", "_libdir": f"/{os.path.dirname(library)}", "_topdir": str(top),
                   "debug_package": "%{nil}", "__os_install_post": "%{nil}", "_binary_payload": "w1.gzdio"}
        command = ["rpmbuild", "-bb", "--nodeps", "--quiet", *(word for name, value in macros.items() for word in ("--define", f"{name} {value}")), spec]
        done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        packed = sorted(path.name.rsplit(f"-{version}-", 1)[0] for path in (top / "RPMS").rglob("*.rpm"))
        self.assertEqual(packed, ["attester-agent", "attester-gate", "attester-issuer", "attesterd", "libattester", "libattester-devel"])

    def holds_files(self, directory):
        return directory not in self.paths

    def test_documents_that_pages_name_are_in_the_pages_package(self):
        spec = (SOURCE / "packaging/rpm/attesterd.spec").read_text()
        guides = set()
        for file in (SOURCE / "packaging/debian").glob("*.install"):
            pages = [path for path in self.everything() if "/man/" in path and covers_any(file.read_text().split(), self.as_packaged(path))]
            named = {name for path in pages for name in re.findall(r"\\fI([\w.-]+\.md)", pathlib.Path(self.directory.name, path).read_text())}
            documents = file.with_suffix(".docs").read_text().split() if file.with_suffix(".docs").exists() else []
            guides |= {pathlib.Path(document).name for document in documents}
            with self.subTest(file.stem):
                self.assertEqual(named - {pathlib.Path(document).name for document in documents}, set())
                self.assertEqual([document for document in documents if not (SOURCE / document).is_file()], [])
                section = re.search(rf"(?ms)^%files{'' if file.stem == 'attesterd' else ' -n ' + file.stem}\n(.*?)(?=^%files|^%changelog)", spec)
                if documents:
                    self.assertIn("%doc " + " ".join(documents) + "\n", section[1])
        self.assertLessEqual({"ADMIN.md", "ISSUER.md", "ORIGIN.md", "SECURITY.md", "TRUST.md"}, guides)

    def test_maintainer_scripts_are_shell(self):
        scripts = [file for file in (SOURCE / "packaging/debian").iterdir() if re.search(r"\.(pre|post)(inst|rm)$", file.name)]
        self.assertGreaterEqual(len(scripts), 5)
        for script in [*scripts, SOURCE / "packaging/build-debian", SOURCE / "packaging/install-packages"]:
            subprocess.run(["sh", "-n", script], check=True, timeout=20)
            if script in scripts:
                self.assertIn("#DEBHELPER#", script.read_text())
                self.assertIn("set -e", script.read_text())


if __name__ == "__main__":
    BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main()
