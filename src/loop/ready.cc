#include "loop/ready.h"

namespace policymux {

void ReadyLink::leave() {
  previous_->next_ = next_;
  next_->previous_ = previous_;
  next_ = previous_ = this;
}

void ReadyLink::insert_after(ReadyLink& place) {
  previous_ = &place;
  next_ = place.next_;
  next_->previous_ = this;
  place.next_ = this;
}

void ReadyList::collect(Ready& who) {
  if (who.alone()) who.insert_after(collected_);
}

void ReadyList::again(Ready& who) {
  if (who.alone()) who.insert_after(*waiting_.previous_);
}

void ReadyList::append(Ring& to, Ring& from) {
  if (from.alone()) return;
  ReadyLink* const first = from.next_;
  ReadyLink* const last = from.previous_;
  from.next_ = from.previous_ = &from;
  first->previous_ = to.previous_;
  to.previous_->next_ = first;
  last->next_ = &to;
  to.previous_ = last;
}

void ReadyList::serve() {
  Ring turn;
  append(turn, waiting_);
  append(turn, collected_);
  while (!turn.alone()) {
    auto* const next = static_cast<Ready*>(turn.next_);  // only Ready ever joins
    next->leave();
    next->serve();
  }
}

}  // namespace policymux
