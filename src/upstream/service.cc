#include "upstream/service.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include <fmt/format.h>

#include "config/forms.h"
#include "upstream/request_text.h"

namespace policymux {
namespace {

constexpr std::string_view more_than_asked = "it sent more than it was asked for";

std::string text_of(const Loss& loss) {
  const auto& text = failure_row(loss.failure).text;
  return loss.detail.empty() ? std::string{text} : fmt::format("{}: {}", text, loss.detail);
}

// What becomes of a worker whose request failed.
Parting parting_of(Failure failure) {
  const bool gone = failure == Failure::closed || failure == Failure::cut || failure == Failure::reset;
  return gone ? Parting::gone : Parting::misbehaved;
}

}  // namespace

// Sees by itself from time to time whether the service is alive. With checks no client's request is spent on that.
class Service::Check final : public Attempt {
 public:
  explicit Check(Service& service)
      : of_{service},
        text_{request_text(service.settings_.check_request)},
        timer_{service.exchange_.loop.raw(), this} {
    request_ = text_;
    timer_.arm(service.settings_.check);
  }
  ~Check() { leave("nobody waits for it any more"); }

 private:
  void on_timer() {
    if (!of_.has_room() || of_.ask(*this)) rest();  // a service that is busy is alive
  }
  void answered(const CheckedAction&, Affinity::Place) override { rest(); }
  void failed() override { rest(); }

  void rest() {
    const auto now = of_.exchange_.loop.now();
    const auto& interval = of_.settings_.check;
    const bool on = of_.breaker_.state(now) == Breaker::State::closed;
    timer_.arm(on ? interval : std::min(interval, std::max(least_rest, time_left(of_.breaker_.retry_at(), now))));
  }

  static constexpr milliseconds least_rest{10};

  Service& of_;
  const std::string text_;
  Timer<Check, &Check::on_timer> timer_;
};

void Attempt::leave(std::string_view why) {
  if (service_ != nullptr) service_->forget(*this, why);
}

Service::Service(Exchange& exchange, const Config::Service& settings, std::vector<SocketAddress> addresses)
    : exchange_{exchange},
      settings_{settings},
      address_{forms::ServiceAddress::show(settings.address)},
      addresses_{std::move(addresses)},
      id_{exchange.next_id()},
      breaker_{exchange.first_back_off} {
  if (settings_.check.count() > 0) check_ = std::make_unique<Check>(*this);
  if (!std::holds_alternative<Config::Command>(settings_.address)) return;
  Employer& employer = *this;
  crew_ = std::make_unique<Crew>(exchange_, settings_, employer);
  crew_->fill();
}

Service::~Service() = default;

void Service::retire() { check_.reset(); }

void Service::stop() {
  retire();
  dismiss(idle_.size());
}

bool Service::is_same(const Config::Service& settings, const std::vector<SocketAddress>& addresses) const {
  auto alike = settings;
  alike.group = settings_.group;
  alike.priority = settings_.priority;
  alike.weight = settings_.weight;
  return alike == settings_ && (addresses.empty() || std::ranges::is_permutation(addresses, addresses_));
}

bool Service::available() const {
  const auto now = exchange_.loop.now();
  const auto state = breaker_.state(now);
  if (crew_ && !crew_->does_well() && idle_.empty()) return false;
  if (state == Breaker::State::closed) return true;
  return !check_ && breaker_.allows(now) && has_room();
}

bool Service::has_room_for(ConnectionId preferred) const {
  if (preferred == 0) return has_room();
  const auto found = connections_.find(preferred);
  const bool busy = found != connections_.end() && found->second->state() != Connection::State::idle;
  const bool probes = breaker_.state(exchange_.loop.now()) != Breaker::State::closed;
  return busy && !probes ? false : has_room();
}

// ---- a request's way to a connection ----

std::optional<Failure> Service::ask(Attempt& attempt) {
  assert(attempt.service_ == nullptr);
  const auto now = exchange_.loop.now();
  attempt.service_ = this;
  attempt.began_ = now;
  attempt.fresh_ = false;
  attempt.probe_ = breaker_.asked(now);
  ++figures_.requests;
  return place(attempt);
}

std::optional<Failure> Service::place(Attempt& attempt) {
  auto* const idle = attempt.fresh_ && !crew_ ? nullptr : take_idle(attempt.preferred_);
  if (idle == nullptr) return open(attempt);
  start(*idle, attempt);
  return std::nullopt;
}

std::optional<Failure> Service::open(Attempt& attempt) {
  if (crew_) {
    auto* const worker = hire_one();
    if (worker == nullptr) return fail(attempt, {Failure::ours, crew_->reason()});
    start(*worker, attempt);
    return std::nullopt;
  }
  ConnectionOwner& owner = *this;
  auto made = std::make_unique<Connection>(exchange_, owner, ConnectionLimits{settings_.max_idle, settings_.max_ttl});
  auto& connection = *made;
  if (const auto loss = connection.connect(addresses_, good_address_, until(attempt))) return fail(attempt, *loss);
  connections_.emplace(connection.id(), std::move(made));
  bind(connection, attempt);
  if (connection.state() == Connection::State::idle) connected(connection);
  return std::nullopt;
}

// The attempt is over. The caller tells it, or whoever asked.
Failure Service::fail(Attempt& attempt, const Loss& loss) {
  attempt.service_ = nullptr;
  attempt.connection_ = nullptr;
  exchange_.logger.format(Level::debug, "service {} ({}): {}", settings_.name, address_, text_of(loss));
  judge(loss, attempt.began_, attempt.probe_);
  report(attempt, {}, failure_row(loss.failure).text);
  return loss.failure;
}

// The preferred connection, or the one that was used last.
Connection* Service::take_idle(ConnectionId preferred) {
  while (!idle_.empty()) {
    auto at = std::ranges::find(idle_, preferred, &Connection::id);
    if (at == idle_.end()) --at;
    auto* const connection = *at;
    if (!connection->still_idle()) continue;  // left() took it off
    std::erase(idle_, connection);
    if (crew_) crew_->idle(idle_.size());
    return connection;
  }
  return nullptr;
}

void Service::bind(Connection& connection, Attempt& attempt) {
  connection.attempt = &attempt;
  connection.began = attempt.began_;
  connection.probe = attempt.probe_;
  attempt.connection_ = &connection;
}

void Service::start(Connection& connection, Attempt& attempt) {
  bind(connection, attempt);
  connection.start(attempt.request_, until(attempt));
}

Attempt* Service::unbind(Connection& connection) {
  auto* const attempt = std::exchange(connection.attempt, nullptr);
  if (attempt != nullptr) attempt->connection_ = nullptr;
  return attempt;
}

void Service::discard(Connection& connection, Parting parting, std::string_view why) {
  connection.close();
  const auto id = connection.id();
  const auto found = connections_.find(id);
  exchange_.loop.retire(std::move(found->second));
  connections_.erase(found);
  if (crew_) crew_->part(id, parting, why);
}

void Service::forget(Attempt& attempt, std::string_view why) {
  attempt.service_ = nullptr;
  report(attempt, {}, why);
  auto& connection = *std::exchange(attempt.connection_, nullptr);
  connection.attempt = nullptr;
  if (connection.state() != Connection::State::connecting) return;
  if (std::exchange(connection.probe, false)) breaker_.abandoned();  // it never comes to a question
}

// ---- a plug-in's workers ----

// Nothing: none can be started now. The connection is idle, but not among the idle ones.
Connection* Service::hire_one() {
  if (connections_.size() >= settings_.workers.most) return nullptr;
  ConnectionOwner& owner = *this;
  auto made = std::make_unique<Connection>(exchange_, owner, ConnectionLimits{.max_ttl = settings_.max_ttl});
  auto socket = crew_->start(made->id());
  if (!socket) return nullptr;
  auto& connection = *made;
  connections_.emplace(connection.id(), std::move(made));
  connection.adopt(*std::move(socket));
  return &connection;
}

// They are used after those that have begun before.
void Service::hire(std::size_t n) {
  while (n-- > 0) {
    auto* const worker = hire_one();
    if (worker == nullptr) return;
    idle_.insert(idle_.begin(), worker);
    tell_later();
  }
}

// What it answered last may still be on its way, and then there is somebody who waits for it.
void Service::worker_ended(ConnectionId id) {
  const auto found = connections_.find(id);
  if (found == connections_.end() || found->second->state() != Connection::State::idle) return;
  found->second->close();
  left(*found->second);
}

void Service::dismiss(std::size_t n) {
  assert(n <= idle_.size());
  const std::vector<Connection*> leaving{idle_.begin(), idle_.begin() + static_cast<std::ptrdiff_t>(n)};
  idle_.erase(idle_.begin(), idle_.begin() + static_cast<std::ptrdiff_t>(n));
  for (auto* const worker : leaving) discard(*worker);
}

std::size_t Service::waiting(SteadyTime since) const {
  std::size_t sum = 0;
  for (const auto* listener : listeners_) sum += listener->waiting(*this, since);
  return sum;
}

// ---- what connections tell ----

void Service::connected(Connection& connection) {
  good_address_ = connection.address();
  if (connection.attempt != nullptr) return start(connection, *connection.attempt);
  idle_.push_back(&connection);
  tell(connection.id());
}

void Service::answered(Connection& connection, const CheckedAction& action) {
  const auto now = exchange_.loop.now();
  auto* const attempt = unbind(connection);
  const Affinity::Place place{id_, connection.id()};
  ++figures_.answers;
  figures_.latency.add(std::chrono::duration_cast<LatencyHistogram::Duration>(now - connection.began));
  last_answer_ = now;
  failed_last_ = false;
  if (breaker_.answered()) {
    exchange_.logger.format(Level::info, "service {} ({}): on again after {}", settings_.name, address_,
                            format_duration(std::chrono::round<milliseconds>(now - switched_off_)));
    reason_.clear();
  }
  if (action.unknown_word && exchange_.unknown_words.first(settings_.name, now)) {
    exchange_.logger.format(Level::warning, "service {} ({}): unknown action '{}', taken for a restriction class",
                            settings_.name, address_, action.text);
  }
  if (crew_ && connection.answers() == 1) crew_->proven(place.connection);
  const bool kept = keep(connection);
  if (attempt != nullptr) {
    attempt->service_ = nullptr;
    report(*attempt, action.text, {});
    attempt->answered(action, place);
  }
  tell(kept ? place.connection : 0);
}

// False: it has done enough, or too much, and is gone.
bool Service::keep(Connection& connection) {
  const bool used_up = connection.is_old() ||
                       (settings_.max_requests > 0 && connection.answers() >= settings_.max_requests);
  if (connection.unasked()) {
    ++figures_.unasked;
    discard(connection, Parting::misbehaved, more_than_asked);
  } else if (used_up) {
    discard(connection);
  } else {
    idle_.push_back(&connection);
    return true;
  }
  return false;
}

void Service::lost(Connection& connection, const Loss& loss) {
  const bool replace = is_sent_again(connection, loss);
  auto* const attempt = unbind(connection);
  const auto began = connection.began;
  const auto probe = connection.probe;
  discard(connection, parting_of(loss.failure), text_of(loss));
  if (replace && has_another()) {
    again(attempt, loss.failure, probe);
  } else if (attempt == nullptr) {
    judge(loss, began, probe);
  } else {
    fail(*attempt, loss);
    attempt->failed();
  }
  tell();
}

// What the server did not answer over a kept connection that it closed is sent over a fresh one; what a worker did not
// answer, to another one. Not where that could take for ever: a plug-in that answers nobody.
bool Service::is_sent_again(const Connection& connection, const Loss& loss) const {
  const bool gone = loss.failure == Failure::closed || loss.failure == Failure::reset;
  if (!crew_) return connection.answers() > 0 && gone && !connection.heard();
  const bool is_first_try = connection.attempt == nullptr || !connection.attempt->fresh_;
  return is_first_try && (loss.failure != Failure::timed_out || last_answer_ > connection.began);
}

bool Service::has_another() const {
  return !crew_ || !idle_.empty() || (connections_.size() < settings_.workers.most && crew_->may_start());
}

void Service::again(Attempt* attempt, Failure failure, bool probe) {
  if (attempt == nullptr) {
    if (probe) breaker_.abandoned();
    return;
  }
  ++figures_.replaced;
  if (failure == Failure::timed_out) attempt->began_ = exchange_.loop.now();
  attempt->fresh_ = true;
  if (place(*attempt)) attempt->failed();
}

void Service::left(Connection& connection) {
  if (connection.unasked()) ++figures_.unasked;
  std::erase(idle_, &connection);
  if (crew_) crew_->idle(idle_.size());
  if (connection.unasked()) discard(connection, Parting::misbehaved, more_than_asked);
  else discard(connection, connection.is_old() ? Parting::dismissed : Parting::gone);
  tell_later();
}

// ---- health and figures ----

void Service::judge(const Loss& loss, SteadyTime began, bool probe) {
  const auto& row = failure_row(loss.failure);
  note(loss.failure);
  const bool answers_others = (crew_ || loss.failure == Failure::timed_out) && last_answer_ > began;
  const bool is_replaced = crew_ && parting_of(loss.failure) == Parting::gone;
  const bool is_first = crew_ && !std::exchange(failed_last_, true) && !probe;  // perhaps no plug-in could stand it
  if (!row.opens || answers_others || is_replaced || is_first) {
    if (probe) breaker_.abandoned();
    return;
  }
  const auto now = exchange_.loop.now();
  if (!breaker_.failed(now, probe, exchange_.random())) return;
  ++figures_.switched_off;
  switched_off_ = now;
  reason_ = text_of(loss);
  exchange_.logger.format(Level::warning, "service {} ({}): off for {}: {}", settings_.name, address_,
                          format_duration(time_left(breaker_.retry_at(), now)), reason_);
  tell_later();
}

void Service::tell(ConnectionId free) {
  for (std::size_t i = 0; i < listeners_.size(); ++i) listeners_[i]->changed(*this, free);
}

void Service::report(const Attempt& attempt, std::string_view action, std::string_view failure) const {
  if (!exchange_.on_try) return;
  const auto delay = std::chrono::round<milliseconds>(exchange_.loop.now() - attempt.began_);
  exchange_.on_try({settings_, figures_, delay, action, failure});
}

ServiceSnapshot Service::snapshot() const {
  const auto now = exchange_.loop.now();
  ServiceSnapshot out{.name = settings_.name,
                      .address = address_,
                      .state = breaker_.state(now),
                      .reason = reason_,
                      .connections = connections_.size(),
                      .in_flight = outstanding(),
                      .figures = figures_};
  if (out.state == Breaker::State::open) out.retry_after = time_left(breaker_.retry_at(), now);
  if (!crew_) return out;
  out.workers = {connections_.size(), outstanding(), crew_->started(), crew_->failed()};
  if (out.state != Breaker::State::closed || crew_->does_well()) return out;
  out.state = crew_->state();
  out.reason = crew_->reason();
  out.retry_after = time_left(crew_->retry_at(), now);
  return out;
}

}  // namespace policymux
