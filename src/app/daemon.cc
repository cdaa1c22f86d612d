#include "app/daemon.h"

#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "admin/control_socket.h"
#include "app/allow.h"
#include "app/background.h"
#include "app/memory.h"
#include "app/pid_file.h"
#include "app/privileges.h"
#include "app/progress_line.h"
#include "app/reloader.h"
#include "app/room_settings.h"
#include "app/services_report.h"
#include "app/systemd.h"
#include "decide/decider.h"
#include "log/flusher.h"
#include "log/target.h"
#include "session/server.h"
#include "upstream/upstream.h"

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

// Nobody but its owner may ask us about ourselves. Nothing: no control socket is wanted.
Result<std::vector<ListeningSocket>, std::string> open_control(const Config& config) {
  if (config.admin.socket.empty()) return std::vector<ListeningSocket>{};
  auto access = socket_access(config.main);
  if (!access) return Problem{access.error()};
  access->mode = 0600;
  access->group.reset();
  return listen_on({.kind = Endpoint::Kind::local, .path = config.admin.socket}, *access);
}

void log(Logger& logger, const Diagnostics& diagnostics) {
  for (const auto& diagnostic : diagnostics) logger.log(diagnostic);
}

ServerSettings server_settings(const Config& config, Logger& logger) {
  const auto& main = config.main;
  const auto descriptors = descriptor_limit();
  const auto clients = client_limit(config, descriptors);
  if (clients < main.max_connections) {
    logger.format(Level::warning, "main.max_connections: {} of {}, since only {} descriptors may be open",
                  clients, main.max_connections, descriptors);
  }
  return {.session = session_limits(main), .max_connections = clients, .allow = allow_only(main.allow)};
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
  Daemon(Loop& loop, Logger& logger, const ServiceManager& manager, const Origins& origins, Ruleset ruleset,
         ServiceAddresses addresses)
      : loop_{loop},
        logger_{logger},
        manager_{manager},
        config_{*std::move(ruleset.config)},
        upstream_{loop, logger, config_, std::move(addresses)},
        decider_{loop, logger, metrics_, std::move(ruleset.table), decide_settings(config_.main)},
        server_{loop, decider_, logger, metrics_, server_settings(config_, logger_)},
        frozen_{std::move(ruleset.frozen)},
        reloader_{loop,
                  logger,
                  origins,
                  {.in_force = [this] { return InForce{decider_.live().evaluator.shared_table(), frozen_}; },
                   .reloaded = [this](Reload& fresh) { reload(fresh); },
                   .lists_reloaded = [this](ListReload& fresh) { reload_lists(fresh); }}} {
    for (const auto kind : built_in_questions) decider_.plug(kind, upstream_);
    if (config_.main.watch_files) reloader_.watch_first();
  }

  // `control`: the control socket, or nothing.
  void run(std::vector<ListeningSocket> sockets, const std::vector<ListeningSocket>& control) {
    std::optional<ControlSocket> administration;
    for (const auto& socket : control) {
      logger_.format(Level::info, "the control socket is {}", socket.name());
      administration.emplace(loop_, socket.fd()).offer("services", [this] { return to_json(upstream_.snapshot()); });
    }
    for (auto& socket : sockets) {
      logger_.format(Level::info, "listening on {}", socket.name());
      server_.listen(std::move(socket));
    }
    let_hangups_through();
    manager_.ready("Serving");
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

  void on_hangup() {
    if (stopping_) return;
    manager_.reloading();
    reloader_.start();
  }
  void on_terminate() {
    if (std::exchange(stopping_, true)) return loop_.stop();
    logger_.log(Level::info, "stopping");
    manager_.stopping();
    server_.stop(config_.main.deadline + std::chrono::seconds{1},
                 [this] { upstream_.stop([this] { loop_.stop(); }); });
  }

  // Whole or not at all; not for those whom a daemon that stops still serves.
  void reload(Reload& fresh) {
    if (stopping_) return;
    log(logger_, fresh.diagnostics);
    if (!fresh.succession) {
      logger_.log(Level::error, "not reloaded: the running policy stays in force");
      ++metrics_[Counter::reloads_failed];
      manager_.ready("Serving; the last reload failed");
      return;
    }
    auto [config, sealed] = changes(config_, *fresh.config);
    for (const auto& name : sealed) logger_.format(Level::warning, "{} has changed: that needs a restart", name);
    config_ = std::move(config);
    // What is sealed stays as it runs.
    server_.set(server_settings(config_, logger_));
    upstream_.use(config_, std::move(fresh.addresses));
    decider_.set(decide_settings(config_.main));
    reloader_.free(decider_.use(*std::move(fresh.succession)));
    std::swap(frozen_, fresh.frozen);
    failed_lists_.clear();
    logger_.set_level(config_.main.log_level);
    logger_.log(Level::info, "reloaded");
    ++metrics_[Counter::reloads];
    manager_.ready("Serving");
  }

  void reload_lists(ListReload& fresh) {
    if (stopping_) return;
    for (const auto& news : fresh.news) tell(news);
    if (fresh.succession) reloader_.free(decider_.use(*std::move(fresh.succession)));
  }

  // One error for each thing that is wrong, however often it is seen.
  void tell(const ListNews& news) {
    if (news.what == ListNews::What::failed) {
      if (std::exchange(failed_lists_[news.path], news.text) == news.text) return;
      logger_.format(Level::error, "list {}: {}: its old content stays in force", news.path, news.text);
      ++metrics_[Counter::lists_failed];
      return;
    }
    const bool is_well_again = failed_lists_.erase(news.path) > 0;
    if (news.what == ListNews::What::read) {
      logger_.format(Level::info, "list {}: {}, read again{}", news.path, news.text,
                     is_well_again ? "; it is well again" : "");
      ++metrics_[Counter::lists_reloaded];
    } else if (is_well_again) {
      logger_.format(Level::info, "list {}: it is well again, and as it was", news.path);
    }
  }

  Loop& loop_;
  Logger& logger_;
  const ServiceManager& manager_;
  Metrics metrics_;
  Config config_;
  Upstream upstream_;
  Decider decider_;
  Server server_;
  std::shared_ptr<const FrozenPolicy> frozen_;
  std::map<std::string, std::string> failed_lists_;  // by path: what is wrong
  Reloader reloader_;
  bool stopping_ = false;
  SignalWatcher<Daemon, &Daemon::on_hangup> hangup_{loop_.raw(), SIGHUP, this};
  SignalWatcher<Daemon, &Daemon::on_terminate> terminate_{loop_.raw(), SIGTERM, this};
  SignalWatcher<Daemon, &Daemon::on_terminate> interrupt_{loop_.raw(), SIGINT, this};
};

void tell(const Diagnostics& diagnostics) {
  for (const auto& diagnostic : diagnostics) fmt::print(stderr, "{}", render(diagnostic));
}

Diagnostic outside_chroot(const ConfigPlace& place) {
  return {.severity = Severity::warning,
          .what = {.file = place.path, .text = "lies outside main.chroot: a reload will read the policy alone"}};
}

// Sockets first, as root; then the user; and only then the policy, so that a reload can read what the start could.
//   tell_all     for the mistakes and doubts about the policy. Other failures are sentences (empty: all is told).
//   all_is_well  called before the first request is served.
Result<Ok, std::string> bind_and_serve(const ServeOptions& options, Handover handover, Config config, Logger& logger,
                                       const std::function<void(const Diagnostics&)>& tell_all,
                                       const std::function<void()>& all_is_well) {
  auto sockets = handover.sockets.empty() ? open_listeners(config.main) : std::move(handover.sockets);
  if (!sockets) return Problem{sockets.error()};
  const auto control = open_control(config);
  if (!control) return Problem{control.error()};
  const auto pid_file = PidFile::write(options.pid_file);
  if (!pid_file) return Problem{pid_file.error()};
  const auto identity = identity_to_take(config.main);
  if (!identity) return Problem{"main.user: " + identity.error()};
  auto origins = options.origins;
  if (*identity) {
    origins = inside_chroot(std::move(origins), config);
    if (origins.settings) tell_all({outside_chroot(*origins.config)});
    if (const auto taken = take(**identity, config.main.chroot); !taken) return Problem{taken.error()};
  }
  auto ruleset = read_ruleset(origins, std::move(config),
                              {.keep_list_texts = false, .progress = ProgressLine::on_terminal()});
  tell_all(ruleset.diagnostics);
  if (!ruleset.usable()) return Problem{};
  Diagnostics doubts;
  auto addresses = resolve_services(ruleset.config->services, ruleset.config->main.listen, doubts);
  tell_all(doubts);

  Loop loop;
  const LogFlusher flusher{loop, logger};
  Daemon daemon{loop, logger, handover.manager, origins, std::move(ruleset), std::move(addresses)};
  const Heartbeat heartbeat{loop, handover.manager, handover.watchdog};
  give_memory_back();
  logger.format(Level::info, "started, version {}", POLICYMUX_VERSION);
  all_is_well();
  daemon.run(*std::move(sockets), *control);
  return Ok{};
}

// What is wrong with a start is told on stderr, and in the log where that is another place.
Result<Ok, std::string> start_and_run(const ServeOptions& options) {
  auto handover = take_handover();
  if (!handover) return Problem{handover.error()};
  Diagnostics diagnostics;
  auto config = read_config(options.origins, diagnostics);
  tell(diagnostics);
  if (!config) return Problem{};

  std::optional<Background> background;
  if (options.background) {
    auto entered = Background::enter();
    if (!entered) return Problem{entered.error()};
    background = *std::move(entered);
  }
  ::signal(SIGPIPE, SIG_IGN);
  hold_back_hangups();
  raise_limits();
  const auto target = choose_log_target(config->main.log_to);
  const bool logs_to_stderr = target == LogTarget::standard_error;
  Logger logger{make_log_sink(target, {.name = config->main.syslog_name, .facility = config->main.syslog_facility}),
                config->main.log_level};
  if (!logs_to_stderr) log(logger, diagnostics);
  const auto tell_all = [&](const Diagnostics& more) {
    tell(more);
    if (!logs_to_stderr) log(logger, more);
  };
  const auto all_is_well = [&] {
    if (background) background->ready(logs_to_stderr);
  };
  auto served = bind_and_serve(options, *std::move(handover), *std::move(config), logger, tell_all, all_is_well);
  if (!served && !served.error().empty() && !logs_to_stderr) logger.log(Level::error, served.error());
  return served;
}

}  // namespace

int serve(const ServeOptions& options) {
  tidy_as_we_free();
  const auto done = start_and_run(options);
  if (done) return 0;
  if (!done.error().empty()) fmt::print(stderr, "policymux: {}\n", done.error());
  return 1;
}

}  // namespace policymux
