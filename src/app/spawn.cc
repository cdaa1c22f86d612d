#include "app/spawn.h"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "app/room_settings.h"
#include "app/try_log.h"
#include "decide/decider.h"
#include "log/flusher.h"
#include "log/target.h"
#include "session/single_client.h"
#include "upstream/upstream.h"

namespace policymux {
namespace {

// A policy.conf that is a text of ours.
class OneText final : public Files {
 public:
  explicit OneText(std::string text) : text_{std::move(text)} {}
  Result<std::string, std::string> read(const std::string&) override { return text_; }
  std::vector<std::string> glob(const std::string&) override { return {}; }

 private:
  std::string text_;
};

// ---- the log ----

bool has_terminal() { return ::isatty(STDERR_FILENO) == 1; }

// Standard error is a terminal, or nothing at all.
LogTarget log_target(std::optional<LogTarget> wanted) {
  return choose_log_target(wanted == LogTarget::standard_error && !has_terminal() ? LogTarget::syslog : wanted);
}

LogIdentity identity_of(const Config::Main& settings) {
  return {.name = settings.syslog_name, .facility = settings.syslog_facility};
}

std::unique_ptr<LogSink> sink_for(const Config::Main& settings) {
  return make_log_sink(log_target(settings.log_to), identity_of(settings));
}

// To a terminal with the place that it is about, to any other log in one line.
void tell(const Diagnostics& diagnostics, const Config::Main& settings, Logger& logger) {
  for (const auto& diagnostic : diagnostics) {
    if (has_terminal()) fmt::print(stderr, "{}", render(diagnostic));
    if (log_target(settings.log_to) != LogTarget::standard_error) logger.log(diagnostic);
  }
}

// ---- the client ----

// Answers one client with a policy, and is done.
class Answering {
 public:
  // `try_log`: nullptr: none.
  Answering(Loop& loop, Logger& logger, Ruleset ruleset, ServiceAddresses addresses, TryLog* try_log,
            StandardStreams streams)
      : loop_{loop},
        deadline_{ruleset.config->main.deadline},
        upstream_{loop, logger, *ruleset.config, std::move(addresses), upstream_options(try_log)},
        decider_{loop, logger, metrics_, std::move(ruleset.table), decide_settings(ruleset.config->main)},
        client_{loop, decider_, logger, metrics_, session_limits(ruleset.config->main), std::move(streams.in),
                std::move(streams.out), [this](CloseReason reason) { on_gone(reason); }} {
    if (try_log) try_log->forward_to(upstream_);
    for (const auto kind : built_in_questions) decider_.plug(kind, try_log ? static_cast<Asker&>(*try_log) : upstream_);
  }

  // nullopt: told to end at once.
  std::optional<CloseReason> run() {
    loop_.run();
    return reason_;
  }

 private:
  // Each process begins anew: only chance can make the whole of them heed the weights.
  static UpstreamOptions upstream_options(TryLog* try_log) {
    UpstreamOptions options{.random_start = true};
    if (try_log) options.on_try = [try_log](const TryReport& report) { try_log->write(report); };
    return options;
  }

  void on_gone(CloseReason reason) {
    reason_ = reason;
    upstream_.stop([this] { loop_.stop(); });
  }
  void on_terminate() {
    if (std::exchange(stopping_, true)) return loop_.stop();
    client_.stop(deadline_ + std::chrono::seconds{1});
  }

  Loop& loop_;
  const milliseconds deadline_;
  Metrics metrics_;
  Upstream upstream_;
  Decider decider_;
  SingleClient client_;
  std::optional<CloseReason> reason_{};
  bool stopping_ = false;
  SignalWatcher<Answering, &Answering::on_terminate> terminate_{loop_.raw(), SIGTERM, this};
  SignalWatcher<Answering, &Answering::on_terminate> interrupt_{loop_.raw(), SIGINT, this};
};

// Did the client end it, or we as we were told?
bool is_ordinary(std::optional<CloseReason> reason) {
  switch (reason.value_or(CloseReason::shutdown)) {
    case CloseReason::end_of_stream:
    case CloseReason::cut_request:
    case CloseReason::connection_lost:
    case CloseReason::idle:
    case CloseReason::shutdown: return true;
    case CloseReason::malformed:
    case CloseReason::request_timeout:
    case CloseReason::reply_timeout: return false;
  }
  return false;
}

int answer(Logger& logger, Ruleset ruleset, TryLog* try_log, StandardStreams streams) {
  const auto& settings = ruleset.config->main;
  tell(ruleset.diagnostics, settings, logger);
  if (!ruleset.usable()) return 1;
  Diagnostics unresolved;
  auto addresses = resolve_services(ruleset.config->services, {}, unresolved);
  tell(unresolved, settings, logger);
  for (auto& service : ruleset.config->services) service.workers.least = 1;  // one client asks one thing at a time
  Loop loop;
  const LogFlusher flusher{loop, logger};
  Answering answering{loop, logger, std::move(ruleset), std::move(addresses), try_log, std::move(streams)};
  return is_ordinary(answering.run()) ? 0 : 1;
}

int spawn_policy(const Origins& origins, StandardStreams streams) {
  Diagnostics diagnostics;
  auto config = read_config(origins, diagnostics);
  const auto settings = config ? config->main : Config::Main{};
  Logger logger{sink_for(settings), settings.log_level};
  tell(diagnostics, settings, logger);
  if (!config) return 1;
  auto ruleset = read_ruleset(origins, *std::move(config), {.keep_list_texts = false});
  return answer(logger, std::move(ruleset), nullptr, std::move(streams));
}

// hapolicy -L would mix its log with its answers: not where these go to a client.
bool may_log_to_stdout(const StandardStreams& streams) {
  return !is_socket(streams.in.get()) && !is_socket(streams.out.get());
}

int spawn_hapolicy(const HapolicyOptions& options, StandardStreams streams) {
  auto setup = hapolicy_setup(options);
  const auto settings = setup.config.main;
  UniqueFd log_fd;  // outlives the logger
  if (options.to_stdout && may_log_to_stdout(streams)) {
    log_fd = UniqueFd{::fcntl(streams.out.get(), F_DUPFD_CLOEXEC, 0)};
  }
  Logger logger{log_fd ? std::make_unique<StreamSink>(log_fd.get(), identity_of(settings)) : sink_for(settings),
                settings.log_level};
  for (const auto& warning : setup.warnings) logger.log(Level::warning, warning);
  TryLog try_log{logger};
  OneText policy{std::move(setup.policy)};
  auto ruleset = read_ruleset(policy, settings.syslog_name, std::move(setup.config));
  return answer(logger, std::move(ruleset), &try_log, std::move(streams));
}

}  // namespace

int spawn(const SpawnOptions& options, StandardStreams streams) {
  ::signal(SIGPIPE, SIG_IGN);
  try {
    return options.hapolicy ? spawn_hapolicy(*options.hapolicy, std::move(streams))
                            : spawn_policy(options.origins, std::move(streams));
  } catch (const std::exception& problem) {  // out of descriptors, say
    tell_administrator("policymux", problem.what());
    return 1;
  }
}

void tell_administrator(std::string_view program, std::string_view text) {
  fmt::print(stderr, "{}: {}\n", program, text);
  Logger logger{make_log_sink(LogTarget::syslog, {.name = std::string{program}})};
  logger.log(Level::error, text);
}

}  // namespace policymux
