using Litespark.Recipes;
using Litespark.Training;

namespace Litespark.Tests.Training;

public class LearningRateScheduleTests
{
    [Theory]
    [InlineData("cosine", 1, 0.1)]
    [InlineData("cosine", 10, 1)]
    [InlineData("cosine", 55, 0.55)]
    [InlineData("cosine", 100, 0.1)]
    [InlineData("linear", 5, 0.5)]
    [InlineData("linear", 10, 1)]
    [InlineData("linear", 55, 0.55)]
    [InlineData("linear", 100, 0.1)]
    [InlineData("wsd", 10, 1)]
    [InlineData("wsd", 80, 1)]
    [InlineData("wsd", 90, 0.55)]
    [InlineData("wsd", 100, 0.1)]
    [InlineData("constant", 1, 0.1)]
    [InlineData("constant", 11, 1)]
    [InlineData("constant", 100, 1)]
    public void It_warms_up_and_then_falls_to_its_floor(string name, int step, double expected)
        => Assert.Equal(expected, Schedule($"name: {name}, warmup_steps: 10, min_learning_rate_ratio: 0.1, decay_fraction: 0.2", 100).At(step), 1e-12);

    [Theory]
    [InlineData("cosine")]
    [InlineData("linear")]
    [InlineData("wsd")]
    [InlineData("constant")]
    public void Beyond_the_last_step_it_stays_where_it_ended(string name)
    {
        LearningRateSchedule schedule = Schedule($"name: {name}, warmup_steps: 2", 10);
        Assert.Equal(schedule.At(10), schedule.At(1000), 1e-12);
    }

    [Fact]
    public void A_short_run_warms_up_over_half_of_its_steps_at_most()
    {
        LearningRateSchedule schedule = Schedule("name: constant, warmup_steps: 50", 10);
        Assert.Equal(0.2, schedule.At(1), 1e-12);
        Assert.Equal(1, schedule.At(5), 1e-12);
    }

    [Fact]
    public void Without_a_warm_up_the_first_step_is_near_the_peak()
        => Assert.InRange(Schedule("name: cosine, warmup_steps: 0", 1000).At(1), 0.99999, 1);

    [Fact]
    public void One_step_is_a_run_too()
        => Assert.Equal(0.1, Schedule("name: cosine, warmup_steps: 5, min_learning_rate_ratio: 0.1", 1).At(1), 1e-12);

    static LearningRateSchedule Schedule(string section, int steps)
        => new(RecipeLoader.Load($"model: {{preset: llama-1m}}\nschedule: {{{section}}}\ntraining: {{max_steps: {steps}}}\n", "test").Recipe);
}
