#include "upstream/crew.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "config/forms.h"

namespace policymux {
namespace {

constexpr std::size_t starts_at_once = 4;
constexpr std::size_t most_held = 20;             // lines of a worker that has not settled
constexpr std::chrono::seconds settling_time{1};
constexpr std::string_view clean_end = "exit status 0";

}  // namespace

Crew::Crew(Exchange& exchange, const Config::Service& settings, Employer& employer)
    : exchange_{exchange},
      settings_{settings},
      employer_{employer},
      program_{program_of(settings)},
      staffing_{settings.workers},
      limit_{exchange.first_back_off},
      more_{exchange.loop.raw(), this},
      retry_{exchange.loop.raw(), this},
      grow_{exchange.loop.raw(), this},
      look_{exchange.loop.raw(), this},
      tidy_{exchange.loop.raw(), this} {}

Crew::~Crew() {
  for (const auto& [id, worker] : workers_) {
    if (worker->process == nullptr) continue;
    worker->process->disown();
    worker->process->leave();
  }
}

// ---- their number ----

void Crew::fill() {
  const auto missing = staffing_.missing(employer_.workers());
  if (missing == 0 || more_.active()) return;
  employer_.hire(std::min(missing, starts_at_once));
  if (may_start()) more_.arm(milliseconds{});
}

void Crew::awaited() {
  if (!grow_.active()) grow_.arm(grow_after);
}

void Crew::on_still_waiting() {
  const auto now = exchange_.loop.now();
  if (employer_.idle() > 0 || employer_.waiting(now) == 0) return;
  const auto growth = staffing_.growth(employer_.workers(), employer_.waiting(now - grow_after));
  employer_.hire(std::min(growth, starts_at_once));
  grow_.arm(grow_after);
}

void Crew::on_look() {
  employer_.dismiss(staffing_.surplus(employer_.workers(), employer_.idle()));
  if (staffing_.may_shrink(employer_.workers())) look_.arm(look_interval());
}

milliseconds Crew::look_interval() const {
  return settings_.max_idle.count() > 0 ? settings_.max_idle : milliseconds{idle_time};
}

// ---- a worker's life ----

bool Crew::may_start() const {
  return !exchange_.processes.stopping() && !is_crowded() && limit_.allows(exchange_.loop.now());
}

std::optional<UniqueFd> Crew::start(ConnectionId id) {
  const auto now = exchange_.loop.now();
  if (is_crowded() && !std::exchange(told_crowded_, true)) {
    exchange_.logger.format(Level::warning, "service {}: no worker is started: too many do not leave", settings_.name);
  }
  if (!may_start()) return std::nullopt;
  told_crowded_ = false;
  auto made = std::make_unique<Worker>(*this, id);
  auto& worker = *made;
  worker.born = now;
  worker.tried = limit_.started(now);
  auto begun = exchange_.processes.start(program_, worker);
  if (!begun) {
    failed_start(worker, "it cannot be started: " + begun.error());
    return std::nullopt;
  }
  ++started_;
  worker.process = &begun->process;
  worker.pid = begun->process.pid();
  exchange_.logger.format(Level::debug, "service {}: worker {} started", settings_.name, worker.pid);
  workers_.emplace(id, std::move(made));
  if (!tidy_.active()) tidy_.arm(settling_time);
  if (!look_.active() && staffing_.may_shrink(employer_.workers() + 1)) look_.arm(look_interval());
  return std::move(begun->socket);
}

void Crew::proven(ConnectionId id) {
  auto& worker = *workers_.at(id);
  worker.proven = true;
  worker.tried = false;
  settle(worker);
  if (limit_.answered()) {
    exchange_.logger.format(Level::info, "service {}: its program works again", settings_.name);
    reason_.clear();
  }
  fill();
}

void Crew::part(ConnectionId id, Parting parting, std::string_view why) {
  auto& worker = *workers_.at(id);
  worker.parted = parting;
  if (parting == Parting::misbehaved) blame(worker, why);
  if (parting == Parting::dismissed && std::exchange(worker.tried, false)) limit_.abandoned();
  if (worker.process == nullptr) {
    forget(worker);
  } else if (parting == Parting::misbehaved) {
    worker.process->end();
  } else {
    worker.process->leave();
  }
  fill();
}

void Crew::ended(Worker& worker, const std::string& how) {
  worker.process = nullptr;
  worker.end = how;
  if (!worker.parted) return employer_.worker_ended(worker.id);
  forget(worker);
  fill();
}

// Connection and process are both gone.
void Crew::forget(Worker& worker) {
  if (worker.parted == Parting::gone) blame(worker, worker.end);
  settle(worker);
  workers_.erase(ConnectionId{worker.id});  // which goes with it
}

void Crew::blame(Worker& worker, std::string_view why) {
  ++failed_;
  if (worker.proven) tell_replaced(worker, why);
  else failed_start(worker, why);
}

void Crew::tell_replaced(const Worker& worker, std::string_view why) {
  const auto level = why == clean_end ? Level::debug : Level::warning;
  if (!exchange_.logger.enabled(level) || !may_log()) return;
  exchange_.logger.format(level, "service {}: worker {} is replaced: {}", settings_.name, worker.pid, why);
}

void Crew::failed_start(Worker& worker, std::string_view why) {
  const auto now = exchange_.loop.now();
  const bool others_do_well = employer_.last_answer() > worker.born;
  const bool tried = std::exchange(worker.tried, false);
  const bool stops = limit_.failed(now, tried, others_do_well, exchange_.random());
  if (limit_.state(now) == Breaker::State::closed) return tell_replaced(worker, why);
  if (stops) {
    reason_ = worker.held.empty() ? std::string{why} : fmt::format("{}: {}", why, worker.held.back());
    exchange_.logger.format(Level::warning, "service {} ({}): its program fails: {}; it is started again in {}",
                            settings_.name, forms::ServiceAddress::show(settings_.address), why,
                            format_duration(time_left(limit_.retry_at(), now)));
    settle(worker);
  } else if (worker.voice == Voice::held) {
    worker.voice = Voice::muted;  // the same again, most likely
    worker.held.clear();
  }
  if (tried || !retry_.active()) arm_retry();
  employer_.starts_changed();
}

void Crew::arm_retry() {
  retry_.arm(std::max(milliseconds{1}, time_left(limit_.retry_at(), exchange_.loop.now())));
}

void Crew::on_retry() {
  if (state() == Breaker::State::open) arm_retry();  // too early: timers count from the beginning of a pass
  else fill();
}

bool Crew::does_well() const {
  if (state() == Breaker::State::closed) return true;
  return std::ranges::any_of(workers_, [](const auto& one) { return one.second->proven && !one.second->parted; });
}

// ---- what they say ----

void Crew::said(Worker& worker, std::string_view line) {
  if (worker.voice == Voice::logged) log(worker, line);
  else if (worker.voice == Voice::held && worker.held.size() < most_held) worker.held.emplace_back(line);
}

void Crew::settle(Worker& worker) {
  if (worker.voice == Voice::muted) return;
  worker.voice = Voice::logged;
  for (const auto& line : std::exchange(worker.held, {})) log(worker, line);
}

void Crew::log(const Worker& worker, std::string_view line) {
  if (may_log()) exchange_.logger.format(Level::info, "service {} [{}]: {}", settings_.name, worker.pid, line);
}

// One line more? How many were left out is told a little later.
bool Crew::may_log() {
  if (budget_.take(exchange_.loop.now())) return true;
  if (!tidy_.active()) tidy_.arm(settling_time);
  return false;
}

void Crew::on_tidy() {
  const auto now = exchange_.loop.now();
  bool again = false;
  for (const auto& [id, worker] : workers_) {
    if (worker->voice != Voice::held) continue;
    if (now - worker->born >= settling_time && worker->process != nullptr) settle(*worker);
    else again = true;
  }
  if (const auto lines = budget_.left_out(); lines > 0) {
    exchange_.logger.format(Level::warning, "service {}: {} lines about its workers were left out", settings_.name,
                            lines);
  }
  if (again) tidy_.arm(settling_time);
}

}  // namespace policymux
