// The control socket: the administrator asks in one line and is answered with a text.
//
//   client:  "services\n"        daemon:  "ok\n" and the text, or "error: what is wrong\n"; then it closes
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"
#include "loop/deadline.h"
#include "loop/loop.h"

namespace policymux {

// Who may connect is a matter of the socket's file. At most most_visitors are served at a time, others wait; each is
// left after patience, a line that is longer than line_limit is none of ours.
class ControlSocket {
 public:
  using Answer = std::function<std::string()>;
  static constexpr std::size_t most_visitors = 8;
  static constexpr std::size_t line_limit = 256;
  static constexpr std::chrono::seconds patience{5};

  // REQUIRES: `listening` is a non-blocking listener; it and the loop outlive us.
  ControlSocket(Loop& loop, int listening);
  ~ControlSocket();
  ControlSocket& operator=(ControlSocket&&) = delete;

  // What `command` is answered with: made when it is asked for, from the loop.
  void offer(std::string command, Answer answer) { answers_[std::move(command)] = std::move(answer); }

 private:
  class Visitor;

  void on_ready(int);
  void watch() { listener_.want(EV_READ); }
  std::string reply_to(std::string_view line) const;
  void left(Visitor& visitor);

  Loop& loop_;
  int listening_;
  std::map<std::string, Answer, std::less<>> answers_;
  std::vector<std::unique_ptr<Visitor>> visitors_;
  IoWatcher<ControlSocket, &ControlSocket::on_ready> listener_;
  Timer<ControlSocket, &ControlSocket::watch> retry_;
};

}  // namespace policymux
