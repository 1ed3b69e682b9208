using Litespark.Devices.Cpu;

namespace Litespark.Tests.Devices.Cpu;

public class TaskPartsTests
{
    [Fact]
    public void One_part_is_handed_out_in_order_whoever_asks()
    {
        var parts = new TaskParts(3);
        parts.Set(5, 1);
        Assert.Equal([0, 1, 2, 3, 4, -1, -1], new[] { 2, 0, 1, 1, 0, 2, 0 }.Select(parts.Take));
    }

    [Fact]
    public void A_worker_takes_its_own_part_and_then_the_others()
    {
        var parts = new TaskParts(3);
        parts.Set(7, 3); // [0, 2), [2, 4), [4, 7)
        Assert.Equal([2, 4, 3, 0, 1, 5, 6, -1], new[] { 1, 2, 1, 0, 0, 0, 1, 2 }.Select(parts.Take));
    }

    [Theory]
    [InlineData(1, 4)]
    [InlineData(4, 4)]
    [InlineData(3, 1)]
    [InlineData(64, 5)]
    [InlineData(int.MaxValue, 2)]
    public void Parts_of_any_number_of_tasks_are_about_as_long(int tasks, int workers)
    {
        var parts = new TaskParts(workers);
        parts.Set(tasks, workers);
        int[] first = [.. Enumerable.Range(0, workers).Select(w => (int)((long)tasks * w / workers))];
        for (int worker = 0; worker < workers; worker++)
        {
            int own = (worker == workers - 1 ? tasks : first[worker + 1]) - first[worker];
            Assert.InRange(own, tasks / workers, tasks / workers + 1);
            if (own > 0) Assert.Equal(first[worker], parts.Take(worker));
        }
    }

    [Fact]
    public void A_loop_in_one_part_after_one_in_several_hands_out_each_task_once()
    {
        var parts = new TaskParts(4);
        foreach ((int tasks, int count) in new[] { (10, 4), (3, 1), (2, 4), (9, 1), (0, 4) })
        {
            parts.Set(tasks, count);
            var taken = new List<int>();
            for (int task; (task = parts.Take(taken.Count % 4)) >= 0;) taken.Add(task);
            Assert.Equal(Enumerable.Range(0, tasks), taken.Order());
            for (int worker = 0; worker < 4; worker++) Assert.Equal(-1, parts.Take(worker));
        }
    }
}
