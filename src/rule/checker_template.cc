#include <algorithm>
#include <array>
#include <utility>

#include "rule/checker.h"
#include "rule/template.h"
#include "rule/types.h"

namespace policymux {
namespace {

constexpr std::array<std::string_view, 3> own_names = {"score", "tags", "rule"};
constexpr std::string_view acl_prefix = "acl.";

class TemplateMaker {
 public:
  TemplateMaker(CheckerContext& context, const PlaceOf& place) : context_{context}, place_{place} {}

  Template make(std::string_view text) {
    auto split = split_template(text);
    Template out;
    for (auto& piece : split.pieces) {
      if (!piece.is_name) {
        out.parts.emplace_back(Template::Literal{std::move(piece.text)});
      } else {  // a mistake leaves something in its place, so that the text around it can be checked
        out.parts.push_back(part_named(piece.text, place_(piece.offset)).value_or(Template::Rule{}));
      }
    }
    if (split.unterminated) {
      context_.report.error(place_(*split.unterminated), {"'${' without its '}'", "$${ is a literal ${"});
      out.parts.emplace_back(Template::Rule{});
    }
    return out;
  }

 private:
  std::optional<Template::Part> part_named(std::string_view name, const Place& at) {
    if (name == "score") return Template::Score{};
    if (name == "tags") return Template::Tags{};
    if (name == "rule") return Template::Rule{};
    if (name.starts_with(acl_prefix)) return acl_part(name.substr(acl_prefix.size()), at);
    if (name.empty()) {
      context_.report.error(at, {"'${}' without a name", "$${ is a literal ${"});
      return std::nullopt;
    }
    auto source = context_.source_named(name, at, own_names);
    if (!source) return std::nullopt;
    return Template::Attr{*std::move(source)};
  }

  // NAME or NAME.FIELD, where NAME may have dots too: the whole is tried first.
  std::optional<Template::Part> acl_part(std::string_view name, const Place& at) {
    const auto dot = name.rfind('.');
    auto acl = context_.acls.find(name);
    const bool is_whole = acl.has_value();
    if (!is_whole && dot != name.npos) acl = context_.acls.find(name.substr(0, dot));
    if (!acl) {
      const auto meant = name.substr(0, dot);
      context_.report.error(at, {"unknown acl " + in_quotes(meant), context_.acls.hint(meant)});
      return std::nullopt;
    }
    if (context_.drafts[*acl].is_broken) return std::nullopt;
    if (!is_whole) return field_part(*acl, name.substr(dot + 1), at);
    if (!check_tells(*acl, at)) return std::nullopt;
    return Template::Acl{.acl = *acl};
  }

  // What any, all, none and log found is told by no text.
  bool check_tells(std::uint32_t acl, const Place& at) {
    const auto& named = context_.policy.acls[acl];
    if (!std::holds_alternative<CompositeTest>(named.test) && !std::holds_alternative<LogTest>(named.test)) return true;
    context_.report.error(at, {"acl " + in_quotes(named.name) + " finds nothing to tell: it is of type " + named.type});
    return false;
  }

  std::optional<Template::Part> field_part(std::uint32_t acl, std::string_view field, const Place& at) {
    const auto& named = context_.policy.acls[acl];
    const auto* type = find_acl_type(named.type);
    if (type == nullptr || type->family != Family::question) {
      context_.report.error(
          at, {"no field " + in_quotes(field) + ": tests of type " + named.type + " have no fields",
               type != nullptr && type->has_source() ? "${acl." + named.name + "} is what it found" : ""});
      return std::nullopt;
    }
    const auto fields = question_type(type->question).fields;
    const auto found = std::ranges::find(fields, field);
    if (found != fields.end()) {
      return Template::Acl{.acl = acl, .field = static_cast<std::uint32_t>(found - fields.begin())};
    }
    std::string names;
    for (const auto known : fields) names.append(names.empty() ? "" : ", ").append(known);
    context_.report.error(at,
                          {"no field " + in_quotes(field) + " in what " + named.type + " finds", "fields: " + names});
    return std::nullopt;
  }

  CheckerContext& context_;
  const PlaceOf& place_;
};

}  // namespace

Template make_template(CheckerContext& context, std::string_view text, const PlaceOf& place) {
  return TemplateMaker{context, place}.make(text);
}

void check_route(CheckerContext& context, const Template& route, const Place& at) {
  const auto is_table = [](const Acl& acl) {
    const auto* type = find_acl_type(acl.type);
    return type != nullptr && type->family == Family::question && type->question == QuestionKind::table;
  };
  constexpr std::string_view hint = "in FILTER, REDIRECT and BCC only ${acl.NAME} of a table acl may stand";
  for (const auto& part : route.parts) {
    if (std::holds_alternative<Template::Literal>(part)) continue;
    const auto* found = std::get_if<Template::Acl>(&part);
    if (found == nullptr) {
      return context.report.error(
          at, {"${...} may not choose where mail goes: the client would choose", std::string{hint}});
    }
    const auto& acl = context.policy.acls[found->acl];
    if (is_table(acl)) continue;
    return context.report.error(at, {"acl " + in_quotes(acl.name) + " is no table but of type " + acl.type +
                                         ": what it finds may not choose where mail goes", std::string{hint}});
  }
}

}  // namespace policymux
