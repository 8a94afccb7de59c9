/* SPDX-License-Identifier: BSD-2-Clause */
#include "tpm/worker.h"

#include "base/system.h"
#include "tpm/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

struct tpm_worker {
        char *tcti;
        int state_dir_fd;
        struct tpm_device_config device; /* its strings are those above */
        unsigned job_timeout_ms;
        void (*changed)(void *context, const struct tpm_status *status);
        void *context;

        int epoll_fd; /* of the two below */
        int done_fd;
        int timer_fd;
        bool timer_set;
        struct tpm_engine *engine; /* NULL while too many threads hang */
        struct tpm_engine *stuck[TPM_WORKER_STUCK_MAX];
        size_t stuck_count;
        bool stopping;
        size_t job_count;          /* submitted and not yet answered */
        struct tpm_job_list ready; /* answers that wait for the next dispatch */
        struct tpm_status status;
};

static bool watch(struct tpm_worker *worker, int fd)
{
        struct epoll_event event = { .events = EPOLLIN };

        return epoll_ctl(worker->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

static bool open_descriptors(struct tpm_worker *worker, int state_dir_fd, struct base_error *error)
{
        worker->state_dir_fd = fcntl(state_dir_fd, F_DUPFD_CLOEXEC, 3);
        worker->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        worker->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        worker->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
        if (worker->state_dir_fd < 0 || worker->epoll_fd < 0 || worker->done_fd < 0 || worker->timer_fd < 0 ||
            !watch(worker, worker->done_fd) || !watch(worker, worker->timer_fd))
                return base_error_set_errno(error, errno, "The TPM worker cannot be started");
        return true;
}

bool tpm_worker_new(const struct tpm_worker_config *config, struct tpm_worker **ret, struct base_error *error)
{
        BASE_CLEANUP(tpm_worker_free_p) struct tpm_worker *worker = NULL;

        if (config->tcti == NULL || config->seal_pcrs.mask == 0 || config->quote_pcrs.mask == 0 ||
            evidence_pcr_value_len(config->seal_pcrs.bank) == 0 || evidence_pcr_value_len(config->quote_pcrs.bank) == 0)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT,
                                      "The TPM worker needs a TCTI and PCRs to seal to and to quote.");
        worker = calloc(1, sizeof(*worker));
        if (worker == NULL)
                return base_error_set_no_memory(error);
        worker->state_dir_fd = worker->epoll_fd = worker->done_fd = worker->timer_fd = -1;
        worker->job_timeout_ms = config->job_timeout_ms != 0 ? config->job_timeout_ms : TPM_WORKER_JOB_TIMEOUT_MS;
        worker->changed = config->changed;
        worker->context = config->context;
        if (!open_descriptors(worker, config->state_dir_fd, error))
                return false;
        worker->tcti = strdup(config->tcti);
        if (worker->tcti == NULL)
                return base_error_set_no_memory(error);
        worker->device = (struct tpm_device_config){
                .tcti = worker->tcti,
                .state_dir_fd = worker->state_dir_fd,
                .seal = config->seal,
                .seal_pcrs = config->seal_pcrs,
                .quote_pcrs = config->quote_pcrs,
                .backoff_min_ms = config->backoff_min_ms != 0 ? config->backoff_min_ms : TPM_WORKER_BACKOFF_MIN_MS,
                .clock = &base_system_clock,
        };
        tpm_connection_silence();
        if (!tpm_engine_new(&worker->device, NULL, worker->done_fd, &worker->engine, error))
                return false;
        *ret = BASE_STEAL(worker);
        return true;
}

static void answer_identity(const struct tpm_job *job, const struct base_error *error)
{
        const struct tpm_identity_data *data = &job->work.result.identity;
        struct tpm_identity identity;

        if (error != NULL) {
                job->callback.identity(job->context, NULL, error);
                return;
        }
        identity.ek_public = BASE_BYTES(data->ek_public, data->ek_public_len);
        identity.ek_certificate = BASE_BYTES(data->ek_certificate, data->ek_certificate_len);
        identity.ak_public = BASE_BYTES(data->ak_public, data->ak_public_len);
        memcpy(identity.ak_name, data->ak_name, sizeof(identity.ak_name));
        job->callback.identity(job->context, &identity, NULL);
}

/* Calls back and frees the job. */
static void answer(struct tpm_worker *worker, struct tpm_job *job)
{
        const struct base_error *error = job->work.error.code != BASE_ERROR_NONE ? &job->work.error : NULL;

        worker->job_count--;
        switch (job->kind) {
        case TPM_JOB_QUOTE:
                job->callback.quote(job->context, error == NULL ? &job->work.result.quote : NULL, error);
                break;
        case TPM_JOB_CREATE_KEY:
        case TPM_JOB_IDENTITY:
                answer_identity(job, error);
                break;
        case TPM_JOB_ACTIVATE:
                job->callback.secret(job->context, error == NULL ? job->work.result.secret : NULL, error);
                break;
        case TPM_JOB_COUNTER:
                job->callback.counter(job->context, error == NULL ? &job->work.result.counter : NULL, error);
                break;
        case TPM_JOB_STATUS:
                job->callback.status(job->context, error == NULL ? &job->work.status : NULL, error);
                break;
        }
        tpm_job_free(job);
}

void tpm_worker_free(struct tpm_worker *worker)
{
        struct tpm_job_list left = { 0 };

        if (worker == NULL)
                return;
        worker->stopping = true;
        for (struct tpm_job *job = tpm_job_list_take(&worker->ready); job != NULL; job = tpm_job_list_take(&worker->ready))
                tpm_job_list_append(&left, job);
        if (worker->engine != NULL)
                tpm_engine_abandon(worker->engine, &left);
        for (struct tpm_job *job = tpm_job_list_take(&left); job != NULL; job = tpm_job_list_take(&left)) {
                (void) base_error_set(&job->work.error, BASE_ERROR_CANCELLED, "The program is stopping.");
                answer(worker, job);
        }
        if (worker->engine != NULL)
                tpm_engine_release(worker->engine, TPM_WORKER_STOP_TIMEOUT_MS);
        for (size_t i = 0; i < worker->stuck_count; i++)
                tpm_engine_release(worker->stuck[i], 0);
        base_close_p(&worker->timer_fd);
        base_close_p(&worker->done_fd);
        base_close_p(&worker->epoll_fd);
        base_close_p(&worker->state_dir_fd);
        free(worker->tcti);
        free(worker);
}

int tpm_worker_fd(const struct tpm_worker *worker)
{
        return worker->epoll_fd;
}

const struct tpm_status *tpm_worker_known_status(const struct tpm_worker *worker)
{
        return &worker->status;
}

static void set_timer(struct tpm_worker *worker, uint64_t in_ms)
{
        struct itimerspec when = { .it_value = { .tv_sec = (time_t) (in_ms / 1000),
                                                 .tv_nsec = (long) (in_ms % 1000) * 1000000 } };

        (void) timerfd_settime(worker->timer_fd, 0, &when, NULL);
        worker->timer_set = in_ms != 0;
}

static bool same_reason(const struct base_error *a, const struct base_error *b)
{
        return a->code == b->code && (a->code == BASE_ERROR_NONE || strcmp(a->message, b->message) == 0);
}

static void take_status(struct tpm_worker *worker, const struct tpm_status *status)
{
        bool same = worker->status.state == status->state && worker->status.seal == status->seal &&
                    worker->status.changed_pcrs == status->changed_pcrs && same_reason(&worker->status.reason, &status->reason) &&
                    same_reason(&worker->status.seal_reason, &status->seal_reason);

        worker->status = *status;
        if (!same && worker->changed != NULL)
                worker->changed(worker->context, &worker->status);
}

/* Forgets threads that a hanging TPM has let go in the meantime. */
static void reap_stuck(struct tpm_worker *worker)
{
        size_t kept = 0;

        for (size_t i = 0; i < worker->stuck_count; i++) {
                if (tpm_engine_ended(worker->stuck[i]))
                        tpm_engine_release(worker->stuck[i], 0);
                else
                        worker->stuck[kept++] = worker->stuck[i];
        }
        worker->stuck_count = kept;
}

static void set_hung(const struct tpm_worker *worker, struct base_error *error)
{
        (void) base_error_set(
                error, BASE_ERROR_TPM_UNAVAILABLE,
                "The TPM did not answer in time (%u ms); it hangs, or another program keeps it busy. If that lasts, restart the "
                "machine.",
                worker->job_timeout_ms);
}

/* The thread hangs: its jobs fail, a new thread takes over after the back-off. */
static void give_up_engine(struct tpm_worker *worker)
{
        struct tpm_job_list jobs = { 0 };
        struct tpm_status status = worker->status;
        struct base_error hung;

        set_hung(worker, &hung);
        tpm_engine_abandon(worker->engine, &jobs);
        worker->stuck[worker->stuck_count++] = BASE_STEAL(worker->engine);
        if (worker->stuck_count < TPM_WORKER_STUCK_MAX &&
            !tpm_engine_new(&worker->device, &hung, worker->done_fd, &worker->engine, NULL))
                worker->engine = NULL;
        status.state = TPM_STATE_UNAVAILABLE;
        status.reason = hung;
        status.seal = TPM_SEAL_UNKNOWN;
        status.changed_pcrs = 0;
        status.seal_reason = (struct base_error) BASE_ERROR_INIT;
        for (struct tpm_job *job = tpm_job_list_take(&jobs); job != NULL; job = tpm_job_list_take(&jobs)) {
                job->work.error = hung;
                job->work.status = status;
                tpm_job_list_append(&worker->ready, job);
        }
}

/* Jobs that make the TPM derive a key may take longer. */
static uint64_t job_timeout_ms(const struct tpm_worker *worker, enum tpm_job_kind kind)
{
        bool derives = kind == TPM_JOB_CREATE_KEY || kind == TPM_JOB_IDENTITY || kind == TPM_JOB_ACTIVATE;

        return (uint64_t) worker->job_timeout_ms * (derives ? TPM_WORKER_KEY_JOB_FACTOR : 1);
}

static void check_deadline(struct tpm_worker *worker)
{
        uint64_t now = base_system_clock.monotonic_ms(base_system_clock.context), since = now;
        enum tpm_job_kind kind = TPM_JOB_STATUS;
        uint64_t timeout_ms;

        if (worker->engine == NULL)
                return;
        /* Between two jobs nothing runs: the next one's time begins now. */
        (void) tpm_engine_is_running(worker->engine, &since, &kind);
        timeout_ms = job_timeout_ms(worker, kind);
        if (now >= since + timeout_ms)
                give_up_engine(worker);
        else
                set_timer(worker, since + timeout_ms - now);
}

void tpm_worker_dispatch(struct tpm_worker *worker)
{
        struct tpm_job_list answers = { 0 };
        uint64_t count;
        bool expired;

        (void) !read(worker->done_fd, &count, sizeof(count));
        expired = read(worker->timer_fd, &count, sizeof(count)) == sizeof(count);
        if (expired)
                worker->timer_set = false;
        if (worker->engine != NULL)
                tpm_engine_collect(worker->engine, &worker->ready);
        if (expired)
                check_deadline(worker);
        answers = worker->ready;
        worker->ready = (struct tpm_job_list){ 0 };
        for (struct tpm_job *job = tpm_job_list_take(&answers); job != NULL; job = tpm_job_list_take(&answers)) {
                take_status(worker, &job->work.status);
                answer(worker, job);
        }
        if (worker->job_count == 0)
                set_timer(worker, 0);
}

/* NULL: refused, with `error` set. */
static struct tpm_job *new_job(struct tpm_worker *worker, enum tpm_job_kind kind, void *context, struct base_error *error)
{
        struct tpm_job *job = NULL;

        if (worker->stopping)
                (void) base_error_set(error, BASE_ERROR_CANCELLED, "The program is stopping.");
        else if (worker->job_count >= TPM_WORKER_QUEUE_MAX)
                (void) base_error_set(error, BASE_ERROR_BUSY, "%d requests already wait for the TPM; try again in a moment.",
                                      TPM_WORKER_QUEUE_MAX);
        else if ((job = calloc(1, sizeof(*job))) == NULL)
                (void) base_error_set_no_memory(error);
        else
                *job = (struct tpm_job){ .kind = kind, .context = context };
        return job;
}

static void submit(struct tpm_worker *worker, struct tpm_job *job)
{
        uint64_t one = 1;

        worker->job_count++;
        reap_stuck(worker);
        if (worker->engine == NULL && worker->stuck_count < TPM_WORKER_STUCK_MAX &&
            !tpm_engine_new(&worker->device, NULL, worker->done_fd, &worker->engine, NULL))
                worker->engine = NULL;
        if (worker->engine != NULL) {
                tpm_engine_submit(worker->engine, job);
                if (!worker->timer_set)
                        set_timer(worker, worker->job_timeout_ms);
                return;
        }
        set_hung(worker, &job->work.error);
        job->work.status = worker->status;
        tpm_job_list_append(&worker->ready, job);
        (void) !write(worker->done_fd, &one, sizeof(one));
}

bool tpm_worker_quote(struct tpm_worker *worker, const uint8_t qualifying_data[static TPM_QUALIFYING_DATA_LEN],
                      tpm_quote_callback *callback, void *context, struct base_error *error)
{
        struct tpm_job *job = new_job(worker, TPM_JOB_QUOTE, context, error);

        if (job == NULL)
                return false;
        memcpy(job->work.qualifying_data, qualifying_data, TPM_QUALIFYING_DATA_LEN);
        job->callback.quote = callback;
        submit(worker, job);
        return true;
}

bool tpm_worker_create_key(struct tpm_worker *worker, tpm_identity_callback *callback, void *context, struct base_error *error)
{
        struct tpm_job *job = new_job(worker, TPM_JOB_CREATE_KEY, context, error);

        if (job == NULL)
                return false;
        job->callback.identity = callback;
        submit(worker, job);
        return true;
}

bool tpm_worker_identity(struct tpm_worker *worker, tpm_identity_callback *callback, void *context, struct base_error *error)
{
        struct tpm_job *job = new_job(worker, TPM_JOB_IDENTITY, context, error);

        if (job == NULL)
                return false;
        job->callback.identity = callback;
        submit(worker, job);
        return true;
}

bool tpm_worker_activate(struct tpm_worker *worker, struct base_bytes credential, struct base_bytes encrypted_secret,
                         tpm_secret_callback *callback, void *context, struct base_error *error)
{
        struct tpm_job *job = NULL;

        if (credential.len > TPM_CREDENTIAL_BYTES_MAX || encrypted_secret.len > TPM_CREDENTIAL_BYTES_MAX)
                return base_error_set(error, BASE_ERROR_MALFORMED, "The verifier's credential is too long.");
        job = new_job(worker, TPM_JOB_ACTIVATE, context, error);
        if (job == NULL)
                return false;
        base_buffer_init(&job->work.credential, TPM_CREDENTIAL_BYTES_MAX);
        base_buffer_init(&job->work.encrypted_secret, TPM_CREDENTIAL_BYTES_MAX);
        base_buffer_put_bytes(&job->work.credential, credential);
        base_buffer_put_bytes(&job->work.encrypted_secret, encrypted_secret);
        if (!base_buffer_ok(&job->work.credential) || !base_buffer_ok(&job->work.encrypted_secret)) {
                tpm_job_free(job);
                return base_error_set_no_memory(error);
        }
        job->callback.secret = callback;
        submit(worker, job);
        return true;
}

bool tpm_worker_counter(struct tpm_worker *worker, enum tpm_counter_step step, const struct tpm_counter_mark *mark,
                        tpm_counter_callback *callback, void *context, struct base_error *error)
{
        struct tpm_job *job = new_job(worker, TPM_JOB_COUNTER, context, error);

        if (job == NULL)
                return false;
        job->work.counter_step = step;
        job->work.has_counter_mark = mark != NULL;
        if (mark != NULL)
                job->work.counter_mark = *mark;
        job->callback.counter = callback;
        submit(worker, job);
        return true;
}

bool tpm_worker_status(struct tpm_worker *worker, tpm_status_callback *callback, void *context, struct base_error *error)
{
        struct tpm_job *job = new_job(worker, TPM_JOB_STATUS, context, error);

        if (job == NULL)
                return false;
        job->callback.status = callback;
        submit(worker, job);
        return true;
}
