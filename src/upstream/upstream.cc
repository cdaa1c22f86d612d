#include "upstream/upstream.h"

#include <algorithm>
#include <map>
#include <random>
#include <unordered_map>
#include <utility>
#include <vector>

#include "upstream/exchange.h"
#include "upstream/group.h"
#include "upstream/mirror.h"
#include "upstream/service.h"

namespace policymux {
namespace {

constexpr std::size_t most_comparisons = 1000;       // under way; further requests have no copy sent
constexpr std::chrono::seconds sweep_interval{1};

// A group without a section has the defaults.
Config::Group plain_group(const std::string& name) {
  Config::Group group;
  group.name = name;
  return group;
}

std::function<double()> by_chance() {
  return [engine = std::mt19937_64{std::random_device{}()}]() mutable {
    return std::uniform_real_distribution<double>{}(engine);
  };
}

// One question of the policy's, on its way through a group.
class Inquiry final : public Asking, private Journey::Owner {
 public:
  Inquiry(Loop& loop, std::shared_ptr<ServiceGroup> group, Comparison* comparison, const Question& question,
          AnswerSink& sink, std::uint32_t token)
      : sink_{sink},
        token_{token},
        kind_{question.definition.kind},
        comparison_{comparison},
        journey_{loop, std::move(group), question.request, question.deadline, *this} {}
  ~Inquiry() override {
    if (comparison_ != nullptr) comparison_->forget();
  }
  Inquiry& operator=(Inquiry&&) = delete;

 private:
  void settled(const CheckedAction* action) override {
    if (auto* const comparison = std::exchange(comparison_, nullptr)) comparison->original(action);
    sink_.answered(token_, kind_ == QuestionKind::policy ? take_over(action) : found(action));
  }

  Answer take_over(const CheckedAction* action) {
    return {Outcome::yes, {action == nullptr ? journey_.group().settings().default_action : action->text}};
  }

  static Answer found(const CheckedAction* action) {
    if (action == nullptr) return {};
    return {action->verb == Verb::dunno ? Outcome::no : Outcome::yes, {action->text}};
  }

  AnswerSink& sink_;
  const std::uint32_t token_;
  const QuestionKind kind_;
  Comparison* comparison_;  // nullptr: there is none, or it has been told
  Journey journey_;
};

}  // namespace

class Upstream::State {
 public:
  State(Loop& loop, Logger& logger, const Config& config, ServiceAddresses addresses, UpstreamOptions options)
      : exchange_{.loop = loop,
                  .logger = logger,
                  .random = options.random ? std::move(options.random) : by_chance(),
                  .on_try = std::move(options.on_try),
                  .first_back_off = options.first_back_off},
        random_start_{options.random_start},
        sweep_{loop.raw(), this} {
    use(config, std::move(addresses));
  }
  ~State() { exchange_.loop.free_retired(); }  // which refer to the services
  State& operator=(State&&) = delete;

  void use(const Config& config, ServiceAddresses addresses) {
    exchange_.restriction_classes = config.main.restriction_classes;
    use_services(config, addresses);
    use_groups(config);
    if (!leaving_.empty()) sweep_.arm(sweep_interval);
  }

  std::unique_ptr<Asking> ask(const Question& question, AnswerSink& sink, std::uint32_t token) {
    auto group = group_of(question.definition.values.front());
    auto* const comparison = mirror(group, question.request);
    return std::make_unique<Inquiry>(exchange_.loop, std::move(group), comparison, question, sink, token);
  }

  void stop(std::function<void()> done) {
    exchange_.processes.stop(std::move(done));  // from now on none is started in place of another
    for (const auto& [settings, service] : services_) service->stop();
  }

  UpstreamSnapshot snapshot() const {
    UpstreamSnapshot out;
    for (const auto& [settings, service] : services_) {
      auto& one = out.services.emplace_back(service->snapshot());
      one.group = settings.group;
      one.priority = settings.priority;
      one.weight = settings.weight;
      one.queued = groups_.find(settings.group)->second->queued(*service);
    }
    for (const auto& [name, group] : groups_) {
      const auto& memory = *group->memory();
      out.groups.push_back({name, memory.requests, memory.defaults, memory.differences});
    }
    return out;
  }

 private:
  struct Known {
    Config::Service settings;
    std::shared_ptr<Service> service;
  };
  using Groups = std::map<std::string, std::shared_ptr<ServiceGroup>, std::less<>>;

  // ---- load and reload ----

  void use_services(const Config& config, ServiceAddresses& addresses) {
    auto before = std::exchange(services_, {});
    for (const auto& settings : config.services) {
      const auto* endpoint = std::get_if<Endpoint>(&settings.address);
      const auto found = endpoint == nullptr ? std::vector<SocketAddress>{} : addresses[to_string(*endpoint)];
      const auto same = std::ranges::find_if(
          before, [&](const Known& known) { return known.service->is_same(settings, found); });
      if (same == before.end()) {
        services_.push_back({settings, std::make_shared<Service>(exchange_, settings, found)});
      } else {
        services_.push_back({settings, std::move(same->service)});
        before.erase(same);
      }
    }
    for (const auto& known : before) known.service->retire();
  }

  void use_groups(const Config& config) {
    auto before = std::exchange(groups_, {});
    for (const auto& settings : config.groups) groups_[settings.name] = group(settings, before);
    for (const auto& [settings, service] : services_) {
      if (!groups_.contains(settings.group)) groups_[settings.group] = group(plain_group(settings.group), before);
    }
    // Requests may still be on their way through these.
    for (auto& [name, old] : before) {
      if (old) leaving_.push_back(std::move(old));
    }
  }

  std::shared_ptr<ServiceGroup> group(const Config::Group& settings, Groups& before) {
    std::vector<ServiceGroup::Seat> seats;
    for (const auto& [of, service] : services_) {
      if (of.group == settings.name) seats.push_back({service, of.priority, of.weight});
    }
    const auto old = before.find(settings.name);
    if (old != before.end() && old->second->settings() == settings && old->second->seats() == seats) {
      return std::move(old->second);
    }
    auto memory = old == before.end() ? std::make_shared<GroupMemory>() : old->second->memory();
    auto fresh = std::make_shared<ServiceGroup>(settings, std::move(seats), std::move(memory));
    if (random_start_) fresh->begin_at(exchange_.random());
    return fresh;
  }

  // From the loop, where no service is on the stack: what nobody asks any more goes.
  void on_sweep() {
    std::erase_if(leaving_, [](const std::shared_ptr<ServiceGroup>& group) { return group.use_count() == 1; });
    if (!leaving_.empty()) sweep_.arm(sweep_interval);
  }

  // ---- questions ----

  // A policy that is being replaced may name a group that is gone: nobody answers for it.
  std::shared_ptr<ServiceGroup> group_of(const std::string& name) const {
    const auto found = groups_.find(name);
    if (found != groups_.end()) return found->second;
    return std::make_shared<ServiceGroup>(plain_group(name), std::vector<ServiceGroup::Seat>{},
                                          std::make_shared<GroupMemory>());
  }

  Comparison* mirror(const std::shared_ptr<ServiceGroup>& group, const Request& request) {
    const auto found = groups_.find(group->settings().mirror);
    if (found == groups_.end() || comparisons_.size() >= most_comparisons) return nullptr;
    const auto done = [this](Comparison& comparison) {
      auto node = comparisons_.extract(&comparison);
      exchange_.loop.retire(std::move(node.mapped()));
    };
    auto made = std::make_unique<Comparison>(exchange_.loop, exchange_.logger, group, found->second, request, done);
    auto* const comparison = made.get();
    comparisons_.emplace(comparison, std::move(made));
    return comparison;
  }

  Exchange exchange_;
  const bool random_start_;
  std::vector<Known> services_{};  // in the order of main.conf
  Groups groups_{};
  std::vector<std::shared_ptr<ServiceGroup>> leaving_{};
  std::unordered_map<Comparison*, std::unique_ptr<Comparison>> comparisons_{};  // before the services that they ask
  Timer<State, &State::on_sweep> sweep_;
};

Upstream::Upstream(Loop& loop, Logger& logger, const Config& config, ServiceAddresses addresses,
                   UpstreamOptions options)
    : state_{std::make_unique<State>(loop, logger, config, std::move(addresses), std::move(options))} {}
Upstream::~Upstream() = default;

void Upstream::use(const Config& config, ServiceAddresses addresses) { state_->use(config, std::move(addresses)); }

std::unique_ptr<Asking> Upstream::ask(const Question& question, AnswerSink& sink, std::uint32_t token) {
  return state_->ask(question, sink, token);
}

void Upstream::stop(std::function<void()> done) { state_->stop(std::move(done)); }

UpstreamSnapshot Upstream::snapshot() const { return state_->snapshot(); }

}  // namespace policymux
