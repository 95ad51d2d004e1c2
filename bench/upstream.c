/* An OpenAI-compatible upstream that is quick enough not to be the bottleneck: one thread, epoll.
 *
 *     upstream --port P [--failing-port Q] [--events N] [--pace-us N] [--limits] [--delay-us N] [--cut N] [--busy]
 *
 * A plain chat completion is answered at once with a whole answer of about 600 bytes, or after --delay-us.
 * With "stream":true in its body it is answered with N events (50), one every --pace-us (20,000), then usage and
 * [DONE], as OpenAI does: with "include_usage":true each event has a usage of null until the one that has it, and
 * always an obfuscation, a string whose length hides how long the text was.
 * Each answer has an x-request-id of its own and repeats the request's nonce, the 16 digits after
 * "[nonce ", so that a gateway which mixes up or remembers answers is found out.
 * --limits adds OpenAI's x-ratelimit headers. Whatever arrives at the failing port is answered with 500.
 * --busy never sleeps: it asks again and again whether something came. Waking a sleeping peer costs its waker several
 * microseconds, which a gateway whose peers are behind a network card does not have.
 * --cut N breaks every Nth answer off in the middle and closes, as a lying or dying server does.
 * Several of these may share a port (SO_REUSEPORT). Prints "ready" when it listens, and when it is told to end
 * (SIGTERM) how often it answered, and how often with 500.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum {
	REQUEST_MAX = 256 * 1024, /* head and body; more is answered by closing */
	FIRST_SIZE = 4096,
	ANSWER_MAX = 4096,
	HEAD_MAX = 1024,
	NONCE = 16,
	READY_MAX = 512
};

/* The sentence that load.c looks for: change both. */
#define TEXT \
	"The service behind this gateway answers at once, always with the same words, so that what is measured is " \
	"the gateway and nothing else. It says which request it answers: "

struct connection {
	int fd;
	int failing;      /* accepted on the failing port */
	int closing;      /* close once the output is written */
	int waiting;      /* in the line of what is due: nothing more is read until it was answered */
	int event;        /* next event of the stream; -1: a delayed plain answer */
	int tells_usage;  /* the stream was asked for it */
	long created_s;   /* the same in all events of a stream */
	int64_t due_ns;
	struct connection *next;
	char *in;
	size_t in_size, in_used;
	char *out;        /* what the socket did not take */
	size_t out_size, out_used, out_sent;
	char nonce[NONCE + 1];
};

static int poll_fd, timer_fd;
static int events_number = 50, with_limits, busy;
static int64_t pace_ns = 20000000, delay_ns;
static long cut_every, answers, failures;
static volatile sig_atomic_t told_to_end;
static char date[40];
static time_t date_s;
static struct connection *line_first, *line_last;

static int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static void drop(struct connection *c)
{
	if (c->waiting) {
		struct connection **at = &line_first, *before = NULL;
		while (*at && *at != c) {
			before = *at;
			at = &(*at)->next;
		}
		if (*at) {
			*at = c->next;
			if (line_last == c)
				line_last = before;
		}
	}
	close(c->fd);
	free(c->in);
	free(c->out);
	free(c);
}

static void want_output(struct connection *c, int wanted)
{
	struct epoll_event e = {.events = EPOLLIN | EPOLLRDHUP | (wanted ? EPOLLOUT : 0), .data.ptr = c};
	epoll_ctl(poll_fd, EPOLL_CTL_MOD, c->fd, &e);
}

/* 0, or -1 when the connection is to be dropped. */
static int transmit(struct connection *c, const char *data, size_t size)
{
	ssize_t sent = 0;
	if (!c->out_used) {
		sent = send(c->fd, data, size, MSG_NOSIGNAL);
		if (sent < 0) {
			if (errno != EAGAIN)
				return -1;
			sent = 0;
		}
		if ((size_t)sent == size)
			return c->closing ? -1 : 0;
	}
	size -= sent;
	if (c->out_used + size > c->out_size) {
		c->out_size = (c->out_used + size) * 2;
		c->out = realloc(c->out, c->out_size);
		if (!c->out)
			die("realloc");
	}
	memcpy(c->out + c->out_used, data + sent, size);
	if (!c->out_used)
		want_output(c, 1);
	c->out_used += size;
	return 0;
}

static int flush(struct connection *c)
{
	ssize_t sent = send(c->fd, c->out + c->out_sent, c->out_used - c->out_sent, MSG_NOSIGNAL);
	if (sent < 0)
		return errno == EAGAIN ? 0 : -1;
	c->out_sent += sent;
	if (c->out_sent < c->out_used)
		return 0;
	c->out_sent = c->out_used = 0;
	if (c->closing)
		return -1;
	want_output(c, 0);
	return 0;
}

static void wait_until(struct connection *c, int64_t due_ns)
{
	/* Everything waits the same time, so what comes last is due last. */
	c->due_ns = due_ns;
	c->next = NULL;
	c->waiting = 1;
	if (line_last)
		line_last->next = c;
	else
		line_first = c;
	line_last = c;
}

static int head(char *into, const char *status, const char *type, long length)
{
	time_t s = time(NULL);
	if (s != date_s) {
		struct tm t;
		date_s = s;
		gmtime_r(&s, &t);
		strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &t);
	}
	int used = sprintf(into,
		"HTTP/1.1 %s\r\ndate: %s\r\ncontent-type: %s\r\nserver: bench\r\nx-request-id: req_%016lx\r\n"
		"openai-processing-ms: 1\r\nopenai-version: 2020-10-01\r\n",
		status, date, type, ++answers);
	if (with_limits)
		used += sprintf(into + used,
			"x-ratelimit-limit-requests: 10000000\r\nx-ratelimit-limit-tokens: 2000000000\r\n"
			"x-ratelimit-remaining-requests: 9999999\r\nx-ratelimit-remaining-tokens: 1999999000\r\n"
			"x-ratelimit-reset-requests: 1ms\r\nx-ratelimit-reset-tokens: 1ms\r\n");
	if (length >= 0)
		return used + sprintf(into + used, "content-length: %ld\r\n\r\n", length);
	return used + sprintf(into + used, "transfer-encoding: chunked\r\n\r\n");
}

static int plain(struct connection *c)
{
	char answer[ANSWER_MAX], body[ANSWER_MAX - HEAD_MAX];
	int length = sprintf(body,
		"{\"id\":\"chatcmpl-%016lx\",\"object\":\"chat.completion\",\"created\":%ld,\"model\":\"gpt-4o-mini-2024-07-18\","
		"\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"" TEXT "%s.\",\"refusal\":null},"
		"\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":210,\"completion_tokens\":48,"
		"\"total_tokens\":258},\"service_tier\":\"default\",\"system_fingerprint\":\"fp_0123456789\"}",
		answers, (long)time(NULL), c->nonce);
	int used = head(answer, "200 OK", "application/json", length);
	memcpy(answer + used, body, length);
	used += length;
	if (cut_every && answers % cut_every == 0) {
		c->closing = 1;
		used -= length / 2;
	}
	return transmit(c, answer, used);
}

static int failure(struct connection *c)
{
	static const char body[] = "{\"error\":{\"message\":\"The server had an error while processing your request.\","
		"\"type\":\"server_error\",\"param\":null,\"code\":null}}";
	char answer[ANSWER_MAX];
	failures++;
	int used = head(answer, "500 Internal Server Error", "application/json", sizeof body - 1);
	memcpy(answer + used, body, sizeof body - 1);
	return transmit(c, answer, used + sizeof body - 1);
}

static int chunk(char *into, const char *text, int length)
{
	int used = sprintf(into, "%x\r\n", length);
	memcpy(into + used, text, length);
	memcpy(into + used + length, "\r\n", 2);
	return used + length + 2;
}

/* The end of an event. Its obfuscation is never as long as that of the event before. */
static int chunk_tail(char *into, const struct connection *c, int number, const char *usage)
{
	static const char letters[] = "kT2vXw9QbLr4YdZs7HmNc1JpFa8GuEi3Ro6W";
	int size = 1 + (number * 7 + c->nonce[NONCE - 1]) % 24;
	return sprintf(into, "]%s%s,\"obfuscation\":\"%.*s\"}\n\n", c->tells_usage ? ",\"usage\":" : "",
		c->tells_usage ? usage : "", size, letters + (number + c->nonce[NONCE - 2]) % 12);
}

#define CHUNK_HEAD \
	"data: {\"id\":\"chatcmpl-%s\",\"object\":\"chat.completion.chunk\",\"created\":%ld,\"model\":" \
	"\"gpt-4o-mini-2024-07-18\",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_0123456789\",\"choices\":["

/* The event that is due; the last one brings usage, [DONE] and the end of the body with it. */
static int stream_event(struct connection *c)
{
	char text[ANSWER_MAX / 2], out[ANSWER_MAX];
	int length, used, number = c->event++;
	const char *role = number ? "" : "\"role\":\"assistant\",";
	if (number < events_number - 1) {
		length = sprintf(text, CHUNK_HEAD "{\"index\":0,\"delta\":{%s\"content\":\"%s item%02d\"},\"logprobs\":null,"
			"\"finish_reason\":null}", c->nonce, c->created_s, role, number ? "" : c->nonce, number);
		length += chunk_tail(text + length, c, number, "null");
		return transmit(c, out, chunk(out, text, length));
	}
	if (cut_every && answers % cut_every == 0)
		return -1;
	length = sprintf(text, CHUNK_HEAD "{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\"}",
		c->nonce, c->created_s);
	length += chunk_tail(text + length, c, number, "null");
	used = chunk(out, text, length);
	if (c->tells_usage) {
		length = sprintf(text, CHUNK_HEAD, c->nonce, c->created_s);
		length += chunk_tail(text + length, c, number + 1,
			"{\"prompt_tokens\":210,\"completion_tokens\":50,\"total_tokens\":260}");
		used += chunk(out + used, text, length);
	}
	used += chunk(out + used, "data: [DONE]\n\n", 14);
	memcpy(out + used, "0\r\n\r\n", 5);
	return transmit(c, out, used + 5);
}

static const char *header(const char *from, const char *end, const char *name)
{
	size_t length = strlen(name);
	while ((from = memchr(from, '\n', end - from))) {
		from++;
		if (from + length < end && !strncasecmp(from, name, length)) {
			from += length;
			while (*from == ' ')
				from++;
			return from;
		}
	}
	return NULL;
}

/* The size of a chunked body when it is whole, else 0. Trailers are not known here. */
static size_t chunked_size(const char *body, size_t size)
{
	size_t at = 0;
	for (;;) {
		const char *end = memchr(body + at, '\n', size - at);
		if (!end)
			return 0;
		size_t length = strtoul(body + at, NULL, 16);
		at = end - body + 1 + length + 2;
		if (at > size)
			return 0;
		if (!length)
			return at;
	}
}

static int answer(struct connection *c, const char *request, const char *body, const char *end)
{
	const char *nonce = memmem(body, end - body, "[nonce ", 7);
	memset(c->nonce, '0', NONCE);
	if (nonce && nonce + 7 + NONCE <= end)
		memcpy(c->nonce, nonce + 7, NONCE);
	if (c->failing)
		return failure(c);
	if (strncmp(request, "POST ", 5)) {
		char out[HEAD_MAX];
		return transmit(c, out, head(out, "404 Not Found", "text/plain", 0));
	}
	if (memmem(body, end - body, "\"stream\":true", 13) || memmem(body, end - body, "\"stream\": true", 14)) {
		char out[HEAD_MAX];
		c->event = 0;
		c->created_s = (long)time(NULL);
		c->tells_usage = memmem(body, end - body, "\"include_usage\":true", 20) ||
			memmem(body, end - body, "\"include_usage\": true", 21);
		wait_until(c, now_ns() + pace_ns);
		return transmit(c, out, head(out, "200 OK", "text/event-stream", -1));
	}
	if (!delay_ns)
		return plain(c);
	c->event = -1;
	wait_until(c, now_ns() + delay_ns);
	return 0;
}

/* Answers what is whole in the buffer. */
static int serve(struct connection *c)
{
	size_t from = 0;
	while (!c->waiting && !c->closing && from < c->in_used) {
		char *start = c->in + from;
		char *body = memmem(start, c->in_used - from, "\r\n\r\n", 4);
		if (!body)
			break;
		body += 4;
		const char *length = header(start, body, "content-length:");
		size_t size = length ? strtoul(length, NULL, 10) : 0, got = c->in + c->in_used - body;
		if (!length && header(start, body, "transfer-encoding:")) {
			size = chunked_size(body, got);
			if (!size)
				break;
		}
		if (got < size)
			break;
		from = body + size - c->in;
		if (answer(c, start, body, body + size) < 0)
			return -1;
	}
	memmove(c->in, c->in + from, c->in_used - from);
	c->in_used -= from;
	return 0;
}

static int receive(struct connection *c)
{
	if (c->in_used == c->in_size) {
		c->in_size = c->in_size ? c->in_size * 2 : FIRST_SIZE;
		if (c->in_size > REQUEST_MAX)
			return -1;
		c->in = realloc(c->in, c->in_size);
		if (!c->in)
			die("realloc");
	}
	ssize_t got = recv(c->fd, c->in + c->in_used, c->in_size - c->in_used, 0);
	if (got <= 0)
		return got < 0 && errno == EAGAIN ? 0 : -1;
	c->in_used += got;
	return serve(c);
}

static void serve_due(void)
{
	int64_t now = now_ns();
	while (line_first && line_first->due_ns <= now) {
		struct connection *c = line_first;
		int64_t due = c->due_ns;
		line_first = c->next;
		if (!line_first)
			line_last = NULL;
		c->waiting = 0;
		int failed;
		if (c->event < 0) {
			failed = plain(c) < 0;
		} else {
			failed = stream_event(c) < 0;
			if (!failed && c->event < events_number)
				wait_until(c, due + pace_ns);
		}
		if (failed || (!c->waiting && c->in_used && serve(c) < 0))
			drop(c);
	}
	struct itimerspec t = {0};
	if (line_first) {
		t.it_value.tv_sec = line_first->due_ns / 1000000000;
		t.it_value.tv_nsec = line_first->due_ns % 1000000000;
	}
	timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &t, NULL);
}

static int listener(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 16384) < 0)
		die("listen");
	return fd;
}

static void accept_all(int from, int failing)
{
	int on = 1, fd;
	while ((fd = accept4(from, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct connection *c = calloc(1, sizeof *c);
		if (!c)
			die("calloc");
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		c->fd = fd;
		c->failing = failing;
		struct epoll_event e = {.events = EPOLLIN | EPOLLRDHUP, .data.ptr = c};
		epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &e);
	}
}

static int number_after(int argc, char **argv, int *at)
{
	if (*at + 1 >= argc) {
		fprintf(stderr, "upstream: %s needs a number\n", argv[*at]);
		exit(2);
	}
	return atoi(argv[++*at]);
}

static void watch(int fd, void *tag)
{
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = tag};
	if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &e) < 0)
		die("epoll_ctl");
}

static void end(int number)
{
	told_to_end = number;
}

int main(int argc, char **argv)
{
	int port = 0, failing_port = 0, failing_fd = -1;
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--port")) port = number_after(argc, argv, &i);
		else if (!strcmp(argv[i], "--failing-port")) failing_port = number_after(argc, argv, &i);
		else if (!strcmp(argv[i], "--events")) events_number = number_after(argc, argv, &i);
		else if (!strcmp(argv[i], "--pace-us")) pace_ns = 1000L * number_after(argc, argv, &i);
		else if (!strcmp(argv[i], "--delay-us")) delay_ns = 1000L * number_after(argc, argv, &i);
		else if (!strcmp(argv[i], "--cut")) cut_every = number_after(argc, argv, &i);
		else if (!strcmp(argv[i], "--limits")) with_limits = 1;
		else if (!strcmp(argv[i], "--busy")) busy = 1;
		else { fprintf(stderr, "upstream: what is %s?\n", argv[i]); return 2; }
	}
	if (!port || events_number < 1 || events_number > 99) {
		fprintf(stderr, "upstream: --port is needed, and 1 to 99 --events\n");
		return 2;
	}
	struct rlimit files;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, end);
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* whoever started it may be killed; it must not stay */
	prctl(PR_SET_TIMERSLACK, 1000);
	poll_fd = epoll_create1(EPOLL_CLOEXEC);
	timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	int fd = listener(port);
	watch(fd, &port);
	watch(timer_fd, &timer_fd);
	if (failing_port)
		watch(failing_fd = listener(failing_port), &failing_port);
	printf("ready\n");
	fflush(stdout);
	while (!told_to_end) {
		struct epoll_event ready[READY_MAX];
		int number = epoll_wait(poll_fd, ready, READY_MAX, busy ? 0 : -1), due = 0;
		if (!number)
			sched_yield(); /* the load has the same core */
		for (int i = 0; i < number; i++) {
			void *tag = ready[i].data.ptr;
			if (tag == &port) { accept_all(fd, 0); continue; }
			if (tag == &failing_port) { accept_all(failing_fd, 1); continue; }
			if (tag == &timer_fd) { due = 1; continue; }
			struct connection *c = tag;
			int over = ready[i].events & (EPOLLHUP | EPOLLERR);
			if (!over && ready[i].events & EPOLLOUT)
				over = flush(c) < 0;
			if (!over && ready[i].events & (EPOLLIN | EPOLLRDHUP))
				over = receive(c) < 0;
			if (over)
				drop(c);
		}
		if (due || (line_first && number > 0))
			serve_due();
	}
	printf("answers %ld, failures %ld\n", answers, failures);
	return 0;
}
