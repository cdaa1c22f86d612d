// The room and some services that a test plays.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/captured_log.h"
#include "support/loop_runner.h"
#include "support/policy_text.h"
#include "support/scripted_server.h"
#include "upstream/upstream.h"

namespace policymux::test {

using namespace std::chrono_literals;

// Somebody who asks and waits.
class Inquirer final : public AnswerSink {
 public:
  explicit Inquirer(std::string_view words) : request{words} {}

  void answered(std::uint32_t, Answer answer) override {
    CHECK_FALSE(answer_);  // once
    answer_ = std::move(answer);
    asking_.reset();
  }
  bool done() const { return answer_.has_value(); }
  const Answer& answer() const { return *answer_; }
  std::string action() const { return answer_ && !answer_->fields.empty() ? answer_->fields.front() : std::string{}; }

  RequestText request;
  std::unique_ptr<Asking> asking_{};

 private:
  std::optional<Answer> answer_{};
};

class ExchangeHouse {
 public:
  explicit ExchangeHouse(UpstreamOptions options = {}) {
    options.random = [] { return 0.5; };
    options_ = std::move(options);
  }

  // A service of the group "g" that the test plays; settings may be changed until open().
  Config::Service& add(const std::string& name, ScriptedServer& server) {
    servers_.push_back(&server);
    auto& service = config.services.emplace_back();
    service.name = name;
    service.group = "g";
    service.address = server.endpoint();
    service.timeout = 10s;
    return service;
  }
  Config::Group& group() {
    if (config.groups.empty()) config.groups.emplace_back().name = "g";
    return config.groups.front();
  }

  Upstream& open() {
    if (!upstream_) upstream_ = std::make_unique<Upstream>(loop, log.logger, config, addresses(), options_);
    return *upstream_;
  }
  void reload() { open().use(config, addresses()); }

  std::unique_ptr<Inquirer> start(std::string_view words, const Definition& definition, milliseconds within = 1min) {
    auto inquirer = std::make_unique<Inquirer>(words);
    inquirer->asking_ = open().ask({definition, {}, *inquirer->request, loop.now() + within}, *inquirer, 7);
    CHECK_FALSE(inquirer->done());  // never from inside the call
    return inquirer;
  }
  std::unique_ptr<Inquirer> start(std::string_view words = "RCPT sender=a@b") { return start(words, policy); }
  // The answer to POLICY g.
  std::string ask(std::string_view words = "RCPT sender=a@b") {
    const auto inquirer = start(words);
    until([&] { return inquirer->done(); });
    return inquirer->action();
  }

  void until(const std::function<bool()>& done) {
    run_until(loop, [&] {
      for (auto* server : servers_) server->step();
      return done();
    });
  }
  ServiceSnapshot service(std::size_t n = 0) { return open().snapshot().services.at(n); }
  std::uint64_t failures(Failure failure, std::size_t n = 0) {
    return service(n).figures.failures[static_cast<std::size_t>(failure)];
  }

  Config config{};
  Loop loop{};
  CapturedLog log{};
  const Definition policy{.kind = QuestionKind::policy, .values = {"g"}};

 private:
  ServiceAddresses addresses() const {
    Diagnostics none;
    return resolve_services(config.services, {}, none);
  }

  UpstreamOptions options_{};
  std::vector<ScriptedServer*> servers_{};
  std::unique_ptr<Upstream> upstream_{};
};

}  // namespace policymux::test
