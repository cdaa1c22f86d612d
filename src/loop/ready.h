// Who is ready to go on, served first in, first out.
#pragma once

namespace policymux {

// A place in a ring: its own when it waits nowhere.
class ReadyLink {
 public:
  ReadyLink() = default;
  ReadyLink& operator=(ReadyLink&&) = delete;
  bool alone() const { return next_ == this; }

 protected:
  ~ReadyLink() { leave(); }

 private:
  friend class ReadyList;
  void leave();
  void insert_after(ReadyLink& place);

  ReadyLink* next_ = this;
  ReadyLink* previous_ = this;
};

// Somebody who may wait in a ReadyList, once at a time. Leaves it when destroyed.
class Ready : public ReadyLink {
 public:
  // Its turn has come. It no longer waits, and may ask for another turn.
  virtual void serve() = 0;

 protected:
  ~Ready() = default;
};

// libev calls the io callbacks of one wake-up last in, first out. So these only collect, and one check
// watcher (Loop's) serves. No allocation.
class ReadyList {
 public:
  // From an io callback. Ignored, like again(), for somebody who waits already.
  void collect(Ready& who);
  // From anywhere else: for somebody who has more to do than is fair at once. Before those collected next.
  void again(Ready& who);
  // Serves all who wait now; who asks for another turn meanwhile waits for the next call.
  void serve();
  bool empty() const { return waiting_.alone() && collected_.alone(); }

 private:
  struct Ring : ReadyLink {};
  static void append(Ring& to, Ring& from);

  Ring waiting_;    // in order
  Ring collected_;  // since the last serve(), put back in order by inserting in front
};

}  // namespace policymux
