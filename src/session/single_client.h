// One client on descriptors that were open when we started: "stdin mode".
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "session/pump.h"
#include "session/session.h"

namespace policymux {

// Is this descriptor a socket?
bool is_socket(int fd);

// A socket that is input and output in one, as under Postfix's spawn(8), is the session's own. Anything else (pipes,
// files, a terminal) is joined to the session by pumps.
//
//   serving ──the session has left, its last reply is out──▶ gone
class SingleClient final : private SessionOwner, private Ready {
 public:
  // `gone` is called once, from the loop, with what ended the session.
  // Throws std::system_error where descriptors are not to be had. REQUIRES: all outlive the client; SIGPIPE is ignored.
  SingleClient(Loop& loop, RequestHandler& handler, Logger& logger, Metrics& metrics, const SessionLimits& limits,
               UniqueFd in, UniqueFd out, std::function<void(CloseReason)> gone);
  ~SingleClient();

  // What has arrived by now is answered, then the client is left; after `limit` in any case.
  void stop(milliseconds limit);

 private:
  // From `in` to `inside`, a socket whose other end is the session's, and back to `out`.
  struct Bridge {
    Bridge(SingleClient& client, UniqueFd in, UniqueFd out, UniqueFd inside);
    UniqueFd in, out, inside;
    Pump requests, replies;
  };

  UniqueFd build_bridge(UniqueFd in, UniqueFd out);
  void left(Session& session, CloseReason reason) override;
  void serve() override;  // gone: not from inside the session's end
  void replies_ended();
  void give_up();

  SessionShared shared_;
  std::function<void(CloseReason)> gone_;
  std::optional<CloseReason> reason_{};  // once the session has left
  std::optional<Bridge> bridge_{};
  std::unique_ptr<Session> session_;
  Timer<SingleClient, &SingleClient::give_up> limit_;
};

}  // namespace policymux
