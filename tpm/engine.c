/* SPDX-License-Identifier: BSD-2-Clause */
#include "tpm/engine.h"

#include "base/system.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>

struct tpm_engine {
        pthread_t thread;
        pthread_mutex_t mutex;
        pthread_cond_t changed;
        const struct base_clock *clock;
        int done_fd;
        struct tpm_device *device; /* the thread's alone */
        struct tpm_work work;      /* the thread's alone */

        /* Below: under the mutex. */
        struct tpm_job_list waiting;
        struct tpm_job *running; /* NULL while the thread rests, and once it is abandoned */
        struct tpm_job_list done;
        uint64_t running_since_ms;
        bool abandoned;
        bool ended;
        bool released; /* the thread frees the engine */
};

static void clear_work(struct tpm_work *work)
{
        base_buffer_clear(&work->credential);
        base_buffer_clear(&work->encrypted_secret);
        explicit_bzero(work, sizeof(*work));
}

void tpm_job_free(struct tpm_job *job)
{
        if (job == NULL)
                return;
        clear_work(&job->work);
        free(job);
}

void tpm_job_list_append(struct tpm_job_list *list, struct tpm_job *job)
{
        job->next = NULL;
        if (list->last != NULL)
                list->last->next = job;
        else
                list->first = job;
        list->last = job;
}

struct tpm_job *tpm_job_list_take(struct tpm_job_list *list)
{
        struct tpm_job *job = list->first;

        if (job == NULL)
                return NULL;
        list->first = job->next;
        if (list->first == NULL)
                list->last = NULL;
        job->next = NULL;
        return job;
}

static void move_all(struct tpm_job_list *to, struct tpm_job_list *from)
{
        for (struct tpm_job *job = tpm_job_list_take(from); job != NULL; job = tpm_job_list_take(from))
                tpm_job_list_append(to, job);
}

static void free_engine(struct tpm_engine *engine)
{
        tpm_device_free(engine->device);
        base_close_p(&engine->done_fd);
        clear_work(&engine->work);
        (void) pthread_cond_destroy(&engine->changed);
        (void) pthread_mutex_destroy(&engine->mutex);
        free(engine);
}

static void perform(struct tpm_device *device, enum tpm_job_kind kind, struct tpm_work *work)
{
        bool done = false;

        switch (kind) {
        case TPM_JOB_QUOTE:
                done = tpm_device_quote(device, work->qualifying_data, &work->result.quote, &work->error);
                break;
        case TPM_JOB_CREATE_KEY:
                done = tpm_device_create_key(device, &work->result.identity, &work->error);
                break;
        case TPM_JOB_IDENTITY:
                done = tpm_device_identity(device, &work->result.identity, &work->error);
                break;
        case TPM_JOB_ACTIVATE:
                done = tpm_device_activate(device, base_buffer_bytes(&work->credential),
                                           base_buffer_bytes(&work->encrypted_secret), work->result.secret, &work->error);
                break;
        case TPM_JOB_COUNTER:
                done = tpm_device_counter(device, work->counter_step, work->has_counter_mark ? &work->counter_mark : NULL,
                                          &work->result.counter, &work->error);
                break;
        case TPM_JOB_STATUS:
                tpm_device_examine(device);
                done = true;
                break;
        }
        if (done)
                work->error.code = BASE_ERROR_NONE;
        work->status = *tpm_device_status(device);
}

/* Called and returns with the mutex held. */
static void run_next(struct tpm_engine *engine)
{
        struct tpm_job *job = tpm_job_list_take(&engine->waiting);
        enum tpm_job_kind kind = job->kind;
        uint64_t one = 1;

        engine->running = job;
        engine->running_since_ms = engine->clock->monotonic_ms(engine->clock->context);
        engine->work = job->work;
        memset(&job->work, 0, sizeof(job->work)); /* its buffers are with the thread now */
        (void) pthread_mutex_unlock(&engine->mutex);

        perform(engine->device, kind, &engine->work);

        (void) pthread_mutex_lock(&engine->mutex);
        if (engine->abandoned) {
                clear_work(&engine->work);
                return;
        }
        job->work = engine->work;
        explicit_bzero(&engine->work, sizeof(engine->work));
        engine->running = NULL;
        tpm_job_list_append(&engine->done, job);
        (void) !write(engine->done_fd, &one, sizeof(one)); /* an eventfd takes it, or is readable already */
}

static void *engine_main(void *context)
{
        struct tpm_engine *engine = context;
        bool released;

        (void) pthread_mutex_lock(&engine->mutex);
        while (!engine->abandoned) {
                if (engine->waiting.first != NULL)
                        run_next(engine);
                else
                        (void) pthread_cond_wait(&engine->changed, &engine->mutex);
        }
        (void) pthread_mutex_unlock(&engine->mutex);

        tpm_device_free(engine->device);
        engine->device = NULL;

        (void) pthread_mutex_lock(&engine->mutex);
        engine->ended = true;
        released = engine->released;
        (void) pthread_cond_broadcast(&engine->changed);
        (void) pthread_mutex_unlock(&engine->mutex);
        if (released)
                free_engine(engine);
        return NULL;
}

/* Signals are for the program's own thread. */
static int start_thread(struct tpm_engine *engine)
{
        sigset_t all, before;
        int failed;

        (void) sigfillset(&all);
        (void) pthread_sigmask(SIG_SETMASK, &all, &before);
        failed = pthread_create(&engine->thread, NULL, engine_main, engine);
        (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
        return failed;
}

bool tpm_engine_new(const struct tpm_device_config *config, const struct base_error *hold_off, int done_fd,
                    struct tpm_engine **ret, struct base_error *error)
{
        struct tpm_engine *engine = calloc(1, sizeof(*engine));
        pthread_condattr_t attributes;
        int failed;

        if (engine == NULL)
                return base_error_set_no_memory(error);
        engine->clock = config->clock;
        (void) pthread_mutex_init(&engine->mutex, NULL);
        (void) pthread_condattr_init(&attributes);
        (void) pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        (void) pthread_cond_init(&engine->changed, &attributes);
        (void) pthread_condattr_destroy(&attributes);
        engine->done_fd = fcntl(done_fd, F_DUPFD_CLOEXEC, 3);
        if (engine->done_fd < 0) {
                (void) base_error_set_errno(error, errno, "The TPM thread cannot be started");
                free_engine(engine);
                return false;
        }
        if (!tpm_device_new(config, &engine->device, error)) {
                free_engine(engine);
                return false;
        }
        if (hold_off != NULL)
                tpm_device_hold_off(engine->device, hold_off);
        failed = start_thread(engine);
        if (failed != 0) {
                (void) base_error_set_errno(error, failed, "The TPM thread cannot be started");
                free_engine(engine);
                return false;
        }
        *ret = engine;
        return true;
}

void tpm_engine_submit(struct tpm_engine *engine, struct tpm_job *job)
{
        (void) pthread_mutex_lock(&engine->mutex);
        tpm_job_list_append(&engine->waiting, job);
        (void) pthread_cond_signal(&engine->changed);
        (void) pthread_mutex_unlock(&engine->mutex);
}

void tpm_engine_collect(struct tpm_engine *engine, struct tpm_job_list *ret)
{
        (void) pthread_mutex_lock(&engine->mutex);
        move_all(ret, &engine->done);
        (void) pthread_mutex_unlock(&engine->mutex);
}

bool tpm_engine_is_running(struct tpm_engine *engine, uint64_t *ret_since_ms, enum tpm_job_kind *ret_kind)
{
        bool running;

        (void) pthread_mutex_lock(&engine->mutex);
        running = engine->running != NULL;
        if (running) {
                *ret_since_ms = engine->running_since_ms;
                *ret_kind = engine->running->kind;
        }
        (void) pthread_mutex_unlock(&engine->mutex);
        return running;
}

void tpm_engine_abandon(struct tpm_engine *engine, struct tpm_job_list *ret)
{
        (void) pthread_mutex_lock(&engine->mutex);
        engine->abandoned = true;
        move_all(ret, &engine->done);
        if (engine->running != NULL)
                tpm_job_list_append(ret, BASE_STEAL(engine->running));
        move_all(ret, &engine->waiting);
        (void) pthread_cond_broadcast(&engine->changed);
        (void) pthread_mutex_unlock(&engine->mutex);
}

bool tpm_engine_ended(struct tpm_engine *engine)
{
        bool ended;

        (void) pthread_mutex_lock(&engine->mutex);
        ended = engine->ended;
        (void) pthread_mutex_unlock(&engine->mutex);
        return ended;
}

void tpm_engine_release(struct tpm_engine *engine, unsigned timeout_ms)
{
        struct timespec until;
        bool ended;

        (void) clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += timeout_ms / 1000;
        until.tv_nsec += (long) (timeout_ms % 1000) * 1000000;
        if (until.tv_nsec >= 1000000000) {
                until.tv_sec++;
                until.tv_nsec -= 1000000000;
        }
        (void) pthread_mutex_lock(&engine->mutex);
        while (!engine->ended && pthread_cond_timedwait(&engine->changed, &engine->mutex, &until) != ETIMEDOUT)
                ;
        ended = engine->ended;
        engine->released = true;
        if (!ended)
                (void) pthread_detach(engine->thread);
        (void) pthread_mutex_unlock(&engine->mutex);
        if (ended) {
                (void) pthread_join(engine->thread, NULL);
                free_engine(engine);
        }
}
