#include "match/id_set.h"

#include <numeric>
#include <vector>

#include "support/catch.h"

using namespace policymux;

namespace {

IdList ids_of(const IdSets& sets, IdSets::Ref set) {
  IdList ids{7};  // append() adds
  sets.append(set, ids);
  return {ids.begin() + 1, ids.end()};
}

// {0}, {0, 1}, {0, 1, 2} ...
std::vector<IdSets::Ref> staircase(IdSets& sets, std::uint32_t steps) {
  std::vector<IdSets::Ref> out;
  auto set = IdSets::empty;
  for (std::uint32_t id = 0; id < steps; ++id) out.push_back(set = sets.with(set, id));
  return out;
}

}  // namespace

TEST_CASE("equal sets have equal references, however they were made") {
  IdSets sets;
  const auto one = sets.with(sets.with(sets.with(IdSets::empty, 5), 900), 12);
  const auto other = sets.without(sets.with(sets.with(sets.with(sets.with(IdSets::empty, 12), 3), 5), 900), 3);
  CHECK(one == other);
  CHECK(sets.with(one, 900) == one);
  CHECK(sets.without(one, 901) == one);
  CHECK(sets.without(sets.without(sets.without(one, 5), 12), 900) == IdSets::empty);
}

TEST_CASE("the ids of a set, ascending, before it is sealed and after") {
  for (const std::uint32_t steps : {1u, 2u, 9u, 60u, 1000u}) {
    IdSets sets;
    const auto made = staircase(sets, steps);
    for (const bool is_sealed : {false, true}) {
      if (is_sealed) sets.seal();
      CHECK(ids_of(sets, IdSets::empty).empty());
      for (std::uint32_t i = 0; i < steps; ++i) {
        IdList expected(i + 1);
        std::iota(expected.begin(), expected.end(), 0u);
        REQUIRE(ids_of(sets, made[i]) == expected);
      }
    }
  }
}

TEST_CASE("small sets are written out when they are sealed, of large ones the tries are walked") {
  constexpr std::size_t number = sizeof(std::uint32_t), node = 3 * number;
  IdSets small;
  const IdList ids{3, 70'000, id_limit - 1};
  const auto set = small.with(small.with(small.with(IdSets::empty, ids[2]), ids[0]), ids[1]);
  small.seal();
  CHECK(ids_of(small, set) == ids);
  CHECK(small.memory() % node != 0);  // rows

  IdSets large;
  staircase(large, 1000);
  const auto before = large.memory();
  large.seal();
  CHECK(large.memory() % node == 0);
  CHECK(large.memory() <= before);
}
