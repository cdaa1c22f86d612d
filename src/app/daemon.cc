#include "app/daemon.h"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "app/allow.h"
#include "app/background.h"
#include "app/pid_file.h"
#include "app/privileges.h"
#include "app/reloader.h"
#include "decide/decider.h"
#include "log/flusher.h"
#include "log/target.h"
#include "session/server.h"

namespace policymux {
namespace {

using Problem = Unexpected<std::string>;

Result<SocketAccess, std::string> socket_access(const Config::Main& settings) {
  SocketAccess access{.mode = static_cast<mode_t>(settings.socket_mode)};
  if (!settings.socket_owner.empty()) {
    const auto owner = find_user(settings.socket_owner);
    if (!owner) return Problem{"main.socket_owner: " + owner.error()};
    access.owner = *owner;
  }
  if (!settings.socket_group.empty()) {
    const auto group = find_group(settings.socket_group);
    if (!group) return Problem{"main.socket_group: " + group.error()};
    access.group = *group;
  } else if (const auto postfix = find_group("postfix"); postfix && ::geteuid() == 0) {
    access.group = *postfix;
  }
  return access;
}

Result<std::vector<ListeningSocket>, std::string> open_listeners(const Config::Main& settings) {
  const auto access = socket_access(settings);
  if (!access) return Problem{access.error()};
  std::vector<ListeningSocket> sockets;
  for (const auto& endpoint : settings.listen) {
    auto opened = listen_on(endpoint, *access);
    if (!opened) return Problem{std::move(opened).error()};
    for (auto& socket : *opened) sockets.push_back(std::move(socket));
  }
  return sockets;
}

DecideSettings decide_settings(const Config::Main& settings) {
  return {.timeout = settings.timeout,
          .deadline = settings.deadline,
          .prepend_once = settings.prepend_once,
          .log_decisions = settings.log_decisions};
}

Result<ServerSettings, std::string> server_settings(const Config::Main& settings) {
  auto allow = allow_only(settings.allow);
  if (!allow) return Problem{"main.allow: " + allow.error()};
  ServerSettings out{.max_connections = settings.max_connections, .allow = *std::move(allow)};
  out.session.request = {.max_request_bytes = settings.max_request_bytes, .max_attributes = settings.max_attributes};
  out.session.request_timeout = settings.request_timeout;
  if (settings.idle_timeout) out.session.idle_local = out.session.idle_remote = *settings.idle_timeout;
  return out;
}

// A SIGHUP during the start waits until the loop runs, and then reloads.
void change_hangup_mask(int how) {
  sigset_t hangup;
  sigemptyset(&hangup);
  sigaddset(&hangup, SIGHUP);
  sigprocmask(how, &hangup, nullptr);
}
void hold_back_hangups() { change_hangup_mask(SIG_BLOCK); }
void let_hangups_through() { change_hangup_mask(SIG_UNBLOCK); }

// What serves once all is read, bound and dropped.
class Daemon {
 public:
  Daemon(Loop& loop, Logger& logger, const Origins& origins, Ruleset ruleset, ServerSettings settings)
      : loop_{loop},
        logger_{logger},
        config_{*std::move(ruleset.config)},
        decider_{loop, logger, metrics_, std::move(ruleset.table), decide_settings(config_.main)},
        server_{loop, decider_, logger, metrics_, std::move(settings)},
        reloader_{loop, origins, built_in(), [this] { return decider_.live().evaluator.shared_table(); },
                  [this](Reload fresh) { reload(std::move(fresh)); }} {}

  static std::vector<QuestionKind> built_in() { return {}; }

  void run(std::vector<ListeningSocket> sockets) {
    for (auto& socket : sockets) {
      logger_.format(Level::info, "listening on {}", socket.name());
      server_.listen(std::move(socket));
    }
    let_hangups_through();
    loop_.run();
    log_totals();
  }

 private:
  void log_totals() {
    metrics_[Counter::log_lines_dropped] = logger_.dropped();
    logger_.format(Level::info, "stopped: {} requests on {} connections, {} log lines dropped",
                   metrics_[Counter::requests], metrics_[Counter::connections_accepted],
                   metrics_[Counter::log_lines_dropped]);
  }

  void on_hangup() { reloader_.start(); }
  void on_terminate() {
    if (std::exchange(stopping_, true)) return loop_.stop();
    logger_.log(Level::info, "stopping");
    server_.stop(config_.main.deadline + std::chrono::seconds{1}, [this] { loop_.stop(); });
  }

  // Whole or not at all.
  void reload(Reload fresh) {
    for (const auto& diagnostic : fresh.diagnostics) {
      logger_.log(diagnostic.severity == Severity::error ? Level::error : Level::warning, summary(diagnostic));
    }
    auto settings = fresh.succession ? server_settings(fresh.config->main) : Problem{};
    if (!settings) {
      if (!settings.error().empty()) logger_.log(Level::error, settings.error());
      logger_.log(Level::error, "not reloaded: the running policy stays in force");
      ++metrics_[Counter::reloads_failed];
      return;
    }
    auto [config, sealed] = changes(config_, *fresh.config);
    for (const auto& name : sealed) logger_.format(Level::warning, "{} has changed: that needs a restart", name);
    config_ = std::move(config);
    // What is sealed stays as it runs.
    server_.set(*server_settings(config_.main));
    decider_.set(decide_settings(config_.main));
    reloader_.free(decider_.use(*std::move(fresh.succession)));
    logger_.set_level(config_.main.log_level);
    logger_.log(Level::info, "reloaded");
    ++metrics_[Counter::reloads];
  }

  Loop& loop_;
  Logger& logger_;
  Metrics metrics_;
  Config config_;
  Decider decider_;
  Server server_;
  Reloader reloader_;
  bool stopping_ = false;
  SignalWatcher<Daemon, &Daemon::on_hangup> hangup_{loop_.raw(), SIGHUP, this};
  SignalWatcher<Daemon, &Daemon::on_terminate> terminate_{loop_.raw(), SIGTERM, this};
  SignalWatcher<Daemon, &Daemon::on_terminate> interrupt_{loop_.raw(), SIGINT, this};
};

void tell(const Diagnostics& diagnostics) {
  for (const auto& diagnostic : diagnostics) fmt::print(stderr, "{}", render(diagnostic));
}

// The steps of a start, each of which may fail with a sentence for stderr (empty: everything is said already).
Result<Ok, std::string> start_and_run(const ServeOptions& options) {
  Diagnostics diagnostics;
  auto config = read_config(options.origins, diagnostics);
  tell(diagnostics);
  if (!config) return Problem{};
  auto server = server_settings(config->main);
  if (!server) return Problem{server.error()};

  std::optional<Background> background;
  if (options.background) {
    auto entered = Background::enter();
    if (!entered) return Problem{entered.error()};
    background = *std::move(entered);
  }
  ::signal(SIGPIPE, SIG_IGN);
  hold_back_hangups();
  raise_descriptor_limit();
  const auto target = choose_log_target(config->main.log_to);
  Logger logger{make_log_sink(target, {.name = config->main.syslog_name, .facility = config->main.syslog_facility}),
                config->main.log_level};

  // As root: sockets first, then the user, and only then the policy, so that a reload can read what the start could.
  auto sockets = open_listeners(config->main);
  if (!sockets) return Problem{sockets.error()};
  const auto pid_file = PidFile::write(options.pid_file);
  if (!pid_file) return Problem{pid_file.error()};
  const auto identity = identity_to_take(config->main);
  if (!identity) return Problem{"main.user: " + identity.error()};
  if (*identity) {
    if (const auto taken = take(**identity, config->main.chroot); !taken) return Problem{taken.error()};
  }
  auto ruleset = read_ruleset(options.origins, *std::move(config), Daemon::built_in());
  tell(ruleset.diagnostics);
  if (!ruleset.usable()) return Problem{};

  Loop loop;
  const LogFlusher flusher{loop, logger};
  Daemon daemon{loop, logger, options.origins, std::move(ruleset), *std::move(server)};
  logger.format(Level::info, "started, version {}", POLICYMUX_VERSION);
  if (background) background->ready(target == LogTarget::standard_error);
  daemon.run(*std::move(sockets));
  return Ok{};
}

}  // namespace

int serve(const ServeOptions& options) {
  const auto done = start_and_run(options);
  if (done) return 0;
  if (!done.error().empty()) fmt::print(stderr, "policymux: {}\n", done.error());
  return 1;
}

}  // namespace policymux
