// One service: its connections and its health. A plug-in's connections are to workers of its own.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <policymux/action.h>

#include "config/config.h"
#include "loop/loop.h"
#include "upstream/breaker.h"
#include "upstream/connection.h"
#include "upstream/crew.h"
#include "upstream/exchange.h"
#include "upstream/figures.h"

namespace policymux {

class Service;

// One try of one request at one service at a time. Neither call comes from inside Service::ask(), none after leave();
// both may destroy it.
class Attempt {
 public:
  virtual void answered(const CheckedAction& action, Affinity::Place by) = 0;
  virtual void failed() = 0;

 protected:
  Attempt() = default;
  Attempt& operator=(Attempt&&) = delete;
  ~Attempt() { assert(service_ == nullptr); }

  // Nobody waits for the answer any more; what was sent stays sent. `why`: for whoever logs each try. Whoever derives
  // says so before it lets go of the service.
  void leave(std::string_view why);

  std::string_view request_{};   // as it is sent; whoever derives keeps the bytes
  ConnectionId preferred_ = 0;   // that connection, where it is idle; 0: any

 private:
  friend class Service;
  Service* service_ = nullptr;   // where it is under way
  Connection* connection_ = nullptr;  // that is busy with it
  SteadyTime began_{};
  bool fresh_ = false;           // sent again: not over a kept connection; of a plug-in, by another worker
  bool probe_ = false;
};

//   Health  A failure for which the service is to blame switches it off (Breaker). A time-out does so only if nothing
//           else was answered meanwhile: one slow request switches nothing off for everyone.
//   Kept connections that the service has closed meanwhile are replaced: that is no failure, and the request is sent
//           again over a fresh one.
//   Limits  max_connections. Whoever finds no room waits elsewhere, and is told when there is some.
//   A plug-in's workers are Crew's business. What one of them failed to answer is sent to another one, once; the
//           plug-in is to blame only if that fails, too, for two requests, and nothing was answered meanwhile.
class Service final : public Ready, private ConnectionOwner, private Employer {
 public:
  class Listener {
   public:
    // How many requests have been waiting for it since then, or longer.
    virtual std::size_t waiting(const Service& service, SteadyTime since) const = 0;
    // A connection is free: this one; 0: any, or the service was switched off. Never called from inside ask().
    virtual void changed(Service& service, ConnectionId free) = 0;

   protected:
    ~Listener() = default;
  };

  Service(Exchange& exchange, const Config::Service& settings, std::vector<SocketAddress> addresses);
  ~Service();

  // Serves another one the same purpose? Group, priority and weight may differ.
  bool is_same(const Config::Service& settings, const std::vector<SocketAddress>& addresses) const;
  // It is no longer configured: finishes what is under way.
  void retire();
  // We end: lets go of workers that are idle.
  void stop();

  const Config::Service& settings() const { return settings_; }
  ServiceId id() const { return id_; }

  void listen(Listener& listener) { listeners_.push_back(&listener); }
  void ignore(Listener& listener) { std::erase(listeners_, &listener); }

  // May it be asked? Then perhaps not at once: that needs room, or the preferred connection where it lives.
  bool available() const;
  bool has_room() const { return !idle_.empty() || (!crew_ && connections_.size() < settings_.max_connections); }
  bool has_room_for(ConnectionId preferred) const;
  bool keeps(ConnectionId connection) const { return connections_.contains(connection); }
  std::uint32_t outstanding() const { return static_cast<std::uint32_t>(connections_.size() - idle_.size()); }

  // The attempt is told how it ends, unless it failed at once. REQUIRES: available() and has_room(); the attempt is
  // nowhere under way.
  std::optional<Failure> ask(Attempt& attempt);
  // A request has to wait for room.
  void awaited() { if (crew_) crew_->awaited(); }
  // How long a try may take in all.
  milliseconds longest_try() const { return crew_ ? 2 * settings_.timeout : settings_.timeout; }
  // A request that was to go here never did: counted, no more.
  void note(Failure failure) { ++figures_.failures[static_cast<std::size_t>(failure)]; }

  // Group, priority, weight and the queue are left to the caller.
  ServiceSnapshot snapshot() const;

 private:
  friend class Attempt;
  class Check;

  void serve() override { tell(); }
  void connected(Connection& connection) override;
  void answered(Connection& connection, const CheckedAction& action) override;
  void lost(Connection& connection, const Loss& loss) override;
  void left(Connection& connection) override;

  std::size_t workers() const override { return connections_.size(); }
  std::size_t idle() const override { return idle_.size(); }
  std::size_t waiting(SteadyTime since) const override;
  SteadyTime last_answer() const override { return last_answer_; }
  void hire(std::size_t n) override;
  void dismiss(std::size_t n) override;
  void worker_ended(ConnectionId id) override;
  void starts_changed() override { tell_later(); }

  std::optional<Failure> place(Attempt& attempt);
  std::optional<Failure> open(Attempt& attempt);
  Connection* hire_one();
  Failure fail(Attempt& attempt, const Loss& loss);
  Connection* take_idle(ConnectionId preferred);
  void bind(Connection& connection, Attempt& attempt);
  void start(Connection& connection, Attempt& attempt);
  Attempt* unbind(Connection& connection);
  void forget(Attempt& attempt, std::string_view why);
  void discard(Connection& connection, Parting parting = Parting::dismissed, std::string_view why = {});
  bool keep(Connection& connection);
  bool is_sent_again(const Connection& connection, const Loss& loss) const;
  bool has_another() const;
  void again(Attempt* attempt, Failure failure, bool probe);

  void tell(ConnectionId free = 0);
  // For what may happen from inside ask().
  void tell_later() { exchange_.loop.ready().again(*this); }

  void judge(const Loss& loss, SteadyTime began, bool probe);
  void report(const Attempt& attempt, std::string_view action, std::string_view failure) const;
  SteadyTime until(const Attempt& attempt) const { return attempt.began_ + settings_.timeout; }

  Exchange& exchange_;
  const Config::Service settings_;
  const std::string address_;  // for people
  const std::vector<SocketAddress> addresses_;
  const ServiceId id_;
  std::size_t good_address_ = 0;  // the one that was connected to last
  Breaker breaker_;
  bool failed_last_ = false;      // a plug-in: the last request
  std::string reason_{};          // why it is switched off
  SteadyTime switched_off_{}, last_answer_ = SteadyTime::min();
  ServiceFigures figures_{};
  std::unordered_map<ConnectionId, std::unique_ptr<Connection>> connections_{};
  std::vector<Connection*> idle_{};  // the last one was used last
  std::vector<Listener*> listeners_{};
  std::unique_ptr<Check> check_;
  std::unique_ptr<Crew> crew_;  // of a plug-in; otherwise nullptr
};

}  // namespace policymux
