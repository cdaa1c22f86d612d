#include "upstream/group.h"

#include <algorithm>
#include <utility>

#include "upstream/request_text.h"
#include "upstream/text_key.h"

namespace policymux {
namespace {

std::vector<Member> members(const std::vector<ServiceGroup::Seat>& seats) {
  std::vector<Member> out;
  for (const auto& seat : seats) out.push_back({seat.service->settings().name, seat.priority, seat.weight});
  return out;
}

std::uint64_t key_of(const Config::Balance& balance, const Request& request) {
  return balance.by == Config::Balance::By::hash ? text_key(request.get(balance.attribute).value_or("")) : 0;
}

// Whoever asked gives up at `asked_for`: a default_action must reach him before that.
SteadyTime run_deadline(SteadyTime now, milliseconds of_group, SteadyTime asked_for) {
  constexpr milliseconds most_margin{50};
  const auto margin = std::min<SteadyTime::duration>(most_margin, (asked_for - now) / 10);
  return std::min(now + of_group, asked_for - margin);
}

}  // namespace

// ---- the group ----

ServiceGroup::ServiceGroup(Config::Group settings, std::vector<Seat> seats, std::shared_ptr<GroupMemory> memory)
    : settings_{std::move(settings)},
      seats_{std::move(seats)},
      memory_{std::move(memory)},
      balancer_{settings_.balance.by, members(seats_)},
      standings_(seats_.size()) {
  for (const auto& seat : seats_) seat.service->listen(*this);
}

ServiceGroup::~ServiceGroup() {
  for (const auto& seat : seats_) seat.service->ignore(*this);
}

std::optional<ServiceGroup::Choice> ServiceGroup::choose(const std::vector<bool>& tried, std::uint64_t message,
                                                         std::uint64_t key, SteadyTime now) {
  const auto last = message == 0 ? std::nullopt : memory_->affinity.find(message, now);
  for (std::size_t i = 0; i < seats_.size(); ++i) {
    const auto& service = *seats_[i].service;
    standings_[i].eligible = (tried.empty() || !tried[i]) && service.available();
    if (!standings_[i].eligible) continue;
    if (last && last->service == service.id()) return Choice{i, Choice::Bound::by_last, last->connection};
    standings_[i].has_room = service.has_room();
    standings_[i].outstanding = service.outstanding();
  }
  const auto seat = balancer_.pick(standings_, key);
  if (!seat) return std::nullopt;
  const bool strict = settings_.balance.by == Balancer::By::first || key != 0;
  return Choice{*seat, strict ? Choice::Bound::by_rule : Choice::Bound::no};
}

std::size_t ServiceGroup::queued(const Service& service) const { return waiting(service, SteadyTime::max()); }

std::size_t ServiceGroup::waiting(const Service& wanted, SteadyTime since) const {
  return static_cast<std::size_t>(std::ranges::count_if(waiting_, [&](const Journey* one) {
    return &service(one->seat()) == &wanted && one->waits_since() <= since;
  }));
}

bool ServiceGroup::wait(Journey& journey) {
  if (waiting_.size() >= queue_limit) return false;
  waiting_.push_back(&journey);
  return true;
}

void ServiceGroup::forget(const Journey& journey) { std::erase(waiting_, &journey); }

// The first who waits for this service, or may take it, has his turn; then the next.
void ServiceGroup::changed(Service& service, ConnectionId free) {
  if (waiting_.empty()) return;
  const auto is_it = [&](const Seat& one) { return one.service.get() == &service; };
  const auto seat = static_cast<std::size_t>(std::ranges::find_if(seats_, is_it) - seats_.begin());
  const auto has_turn = [&](const Journey* one) {
    const bool for_another = free != 0 && one->connection() != free && service.keeps(one->connection());
    return !for_another && one->may_take(seat);
  };
  while (service.has_room() || !service.available()) {
    const auto next = std::ranges::find_if(waiting_, has_turn);
    if (next == waiting_.end()) return;
    auto& journey = **next;
    waiting_.erase(next);
    journey.turn(seat);
  }
}

// ---- the journey ----

Journey::Journey(Loop& loop, std::shared_ptr<ServiceGroup> group, const Request& request, SteadyTime deadline,
                 Owner& owner)
    : loop_{loop},
      group_{std::move(group)},
      owner_{owner},
      message_{text_key(request.text(Attribute::instance))},
      key_{key_of(group_->settings().balance, request)},
      deadline_{run_deadline(loop.now(), group_->settings().deadline, deadline)},
      timer_{loop.raw(), this} {
  request_ = request_text(request, rewritten_);
  ++group_->memory()->requests;
  if (!go_on()) loop_.ready().again(*this);
}

// Asks the next service, or waits for it. False: there is none.
bool Journey::go_on() {
  const auto& retries = group_->settings().retries;
  while (!retries || failures_ <= *retries) {
    const auto choice = group_->choose(tried_, bindable_ ? message_ : 0, key_, loop_.now());
    if (!choice) return false;
    choice_ = *choice;
    if (group_->service(choice_.seat).has_room_for(choice_.connection) ? ask(choice_.seat) : wait()) return true;
  }
  return false;
}

bool Journey::ask(std::size_t seat) {
  auto& service = group_->service(seat);
  choice_.seat = seat;
  preferred_ = choice_.connection;
  if (service.ask(*this)) {
    ++failures_;
    pass_over();
    return false;
  }
  // A try ends by itself, most before the deadline.
  if (deadline_ < loop_.now() + service.longest_try()) arm(deadline_);
  else timer_.cancel();
  return true;
}

bool Journey::wait() {
  auto& service = group_->service(choice_.seat);
  if (!group_->wait(*this)) {
    service.note(Failure::queue_full);
    pass_over();
    return false;
  }
  auto longest = service.settings().timeout;
  const bool bound_by_last = choice_.bound == ServiceGroup::Choice::Bound::by_last;
  if (bound_by_last) longest = std::min<milliseconds>(longest, ServiceGroup::patience);
  waiting_ = true;
  waits_since_ = loop_.now();
  service.awaited();
  arm(std::min(deadline_, loop_.now() + longest));
  return true;
}

bool Journey::may_take(std::size_t seat) const {
  const auto& service = group_->service(seat);
  if (seat == choice_.seat) return !service.available() || service.has_room_for(choice_.connection);
  const bool same_tier = group_->seats()[seat].priority == group_->seats()[choice_.seat].priority;
  return choice_.bound == ServiceGroup::Choice::Bound::no && same_tier && (tried_.empty() || !tried_[seat]) &&
         service.available();
}

void Journey::turn(std::size_t seat) {
  waiting_ = false;
  timer_.cancel();
  const bool available = group_->service(seat).available();
  if (!available) group_->service(seat).note(Failure::switched_off);
  if ((available && ask(seat)) || go_on()) return;
  give_up();
}

void Journey::on_timer() {
  auto& service = group_->service(choice_.seat);
  const bool waited = std::exchange(waiting_, false);
  if (waited) group_->forget(*this);
  if (loop_.now() >= deadline_) {
    Attempt::leave("given up at the group's deadline");
    if (waited) service.note(Failure::queue_timeout);
    return give_up();
  }
  if (!waited) return arm(deadline_);
  if (choice_.bound == ServiceGroup::Choice::Bound::by_last) {
    bindable_ = false;
    choice_.connection = 0;  // another one of the same service, if there is room
    if (service.available() && service.has_room() && ask(choice_.seat)) return;
  } else {
    service.note(Failure::queue_timeout);
    pass_over();
  }
  if (!go_on()) give_up();
}

// The next one, please.
void Journey::pass_over() {
  tried_.resize(group_->seats().size());
  tried_[choice_.seat] = true;
}

void Journey::failed() {
  ++failures_;
  pass_over();
  if (!go_on()) give_up();
}

void Journey::answered(const CheckedAction& action, Affinity::Place by) {
  timer_.cancel();
  if (message_ != 0) group_->memory()->affinity.remember(message_, by, loop_.now());
  owner_.settled(&action);
}

void Journey::arm(SteadyTime at) {
  timer_.arm(time_left(at, loop_.now()));
}

void Journey::give_up() {
  timer_.cancel();
  ++group_->memory()->defaults;
  owner_.settled(nullptr);
}

}  // namespace policymux
