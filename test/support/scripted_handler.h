// A room that decides, played by a test.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "decide/request_handler.h"
#include "proto/reply.h"

namespace policymux::test {

// Answers "action=INFO <sender>" at once, unless the sender begins with "wait": then when the test says so.
class ScriptedHandler final : public RequestHandler {
 public:
  std::optional<std::string_view> handle(const Request& request, Conversation& conversation) override {
    const auto sender = request.text(Attribute::sender);
    seen.emplace_back(sender);
    peers.push_back(conversation.peer);
    if (sender.starts_with("wait")) return std::nullopt;
    reply_.clear();
    append_reply(reply_, "INFO " + std::string{sender} + padding);
    return reply_;
  }

  std::unique_ptr<Suspended> suspend(const Request& request, Conversation&, Client& client) override {
    return std::make_unique<Waiting>(*this, std::string{request.text(Attribute::sender)}, client);
  }

  bool waits(const std::string& sender) const { return waiting_.contains(sender); }
  // REQUIRES: waits(sender).
  void answer(const std::string& sender, std::string_view action) {
    std::string reply;
    append_reply(reply, action);
    waiting_.at(sender)->answered(reply);
  }

  std::vector<std::string> seen{};   // the senders of all requests
  std::vector<std::string> peers{};  // and where they came from
  std::string padding{};             // of every reply

 private:
  class Waiting final : public Suspended {
   public:
    Waiting(ScriptedHandler& handler, std::string sender, Client& client)
        : handler_{handler}, sender_{std::move(sender)} {
      handler_.waiting_[sender_] = &client;
    }
    ~Waiting() override { handler_.waiting_.erase(sender_); }

   private:
    ScriptedHandler& handler_;
    std::string sender_;
  };

  std::map<std::string, Client*> waiting_{};
  std::string reply_{};
};

inline std::string request_from(std::string_view sender) {
  return "request=smtpd_access_policy\nsender=" + std::string{sender} + "\n\n";
}

}  // namespace policymux::test
