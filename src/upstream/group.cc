#include "upstream/group.h"

#include <algorithm>
#include <utility>

#include "upstream/request_text.h"

namespace policymux {
namespace {

std::vector<Member> members(const std::vector<Group::Seat>& seats) {
  std::vector<Member> out;
  for (const auto& seat : seats) out.push_back({seat.service->settings().name, seat.priority, seat.weight});
  return out;
}

std::uint64_t key_of(const Config::Balance& balance, const Request& request) {
  return balance.by == Config::Balance::By::hash ? Balancer::key(request.get(balance.attribute).value_or("")) : 0;
}

// Whoever asked gives up at `asked_for`: a default_action must reach him before that.
SteadyTime run_deadline(SteadyTime now, milliseconds of_group, SteadyTime asked_for) {
  constexpr milliseconds most_margin{50};
  const auto margin = std::min<SteadyTime::duration>(most_margin, (asked_for - now) / 10);
  return std::min(now + of_group, asked_for - margin);
}

}  // namespace

Group::Group(Config::Group settings, std::vector<Seat> seats, std::shared_ptr<GroupMemory> memory)
    : settings_{std::move(settings)},
      seats_{std::move(seats)},
      memory_{std::move(memory)},
      balancer_{settings_.balance.by, members(seats_)},
      standings_(seats_.size()) {}

std::optional<Group::Choice> Group::choose(const std::vector<bool>& tried, std::uint64_t message, std::uint64_t key,
                                           SteadyTime now) {
  const auto last = message == 0 ? std::nullopt : memory_->affinity.find(message, now);
  for (std::size_t i = 0; i < seats_.size(); ++i) {
    const auto& service = *seats_[i].service;
    standings_[i].eligible = (tried.empty() || !tried[i]) && service.available();
    if (!standings_[i].eligible) continue;
    if (last && last->service == service.id()) return Choice{i, last->connection};
    standings_[i].has_room = service.has_room();
    standings_[i].outstanding = service.outstanding();
  }
  const auto seat = balancer_.pick(standings_, key);
  return seat ? std::optional{Choice{*seat}} : std::nullopt;
}

Run::Run(Loop& loop, std::shared_ptr<Group> group, const Request& request, SteadyTime deadline, Owner& owner)
    : loop_{loop},
      group_{std::move(group)},
      owner_{owner},
      message_{Affinity::message(request.text(Attribute::instance))},
      key_{key_of(group_->settings().balance, request)},
      deadline_{run_deadline(loop.now(), group_->settings().deadline, deadline)},
      timer_{loop.raw(), this} {
  request_ = request_text(request);
  ++group_->memory()->requests;
  if (!go_on()) loop_.ready().again(*this);
}

// Asks the next service. False: there is none.
bool Run::go_on() {
  const auto& retries = group_->settings().retries;
  while (!retries || failures_ <= *retries) {
    const auto choice = group_->choose(tried_, message_, key_, loop_.now());
    if (!choice) return false;
    seat_ = choice->seat;
    preferred_ = choice->connection;
    auto& service = *group_->seats()[seat_].service;
    const auto failure = service.ask(*this);
    if (failure) {
      note(*failure);
      continue;
    }
    // A try ends by itself, after its time in the queue and on the wire; most deadlines are further away.
    const auto left = std::chrono::ceil<milliseconds>(deadline_ - loop_.now());
    if (!timer_.active() && left < 2 * service.settings().timeout) timer_.arm(std::max(milliseconds{0}, left));
    return true;
  }
  return false;
}

void Run::note(Failure failure) {
  if (failure != Failure::switched_off) ++failures_;  // then it was never asked
  tried_.resize(group_->seats().size());
  tried_[seat_] = true;
}

void Run::failed(Failure failure) {
  note(failure);
  if (!go_on()) give_up();
}

void Run::answered(const CheckedAction& action, Affinity::Place by) {
  timer_.cancel();
  if (message_ != 0) group_->memory()->affinity.remember(message_, by, loop_.now());
  owner_.settled(&action);
}

void Run::on_deadline() {
  Attempt::leave();
  give_up();
}

void Run::give_up() {
  timer_.cancel();
  ++group_->memory()->defaults;
  owner_.settled(nullptr);
}

}  // namespace policymux
