using FsCheck;
using FsCheck.Fluent;
using Litespark.Devices.Cpu.Kernels;

namespace Litespark.Tests.Devices.Cpu.Kernels;

public class ShrinkingSlicesTests
{
    [Fact]
    public void Every_row_lies_in_one_slice_and_slices_shrink_within_their_limits()
        => Prop.ForAll(Cases(), c =>
        {
            (int rows, int unit, int longest, int shortest, int tasksPerSlice, int threads) = c;
            var slices = new ShrinkingSlices(rows, longest, shortest, unit, tasksPerSlice, threads);
            int next = 0, before = longest;
            for (int i = 0; i < slices.Count; i++)
            {
                (int start, int length) = slices[i];
                Assert.Equal(next, start);
                Assert.InRange(length, 1, before);
                if (i < slices.Count - 1) Assert.True(length >= shortest && length % unit == 0);
                (next, before) = (start + length, length);
            }
            Assert.Equal(rows, next);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Threads_of_equal_speed_end_within_the_shortest_slice()
        => Prop.ForAll(Cases(), c =>
        {
            (int rows, int unit, int longest, int shortest, _, int threads) = c;
            var slices = new ShrinkingSlices(rows, longest, shortest, unit, tasksPerSlice: 1, threads);
            var ends = new int[threads];
            for (int i = 0; i < slices.Count; i++) ends[Array.IndexOf(ends, ends.Min())] += slices[i].Rows;
            Assert.True(ends.Max() <= (double)rows / threads + shortest);
        }).QuickCheckThrowOnFailure();

    static Arbitrary<(int Rows, int Unit, int Longest, int Shortest, int TasksPerSlice, int Threads)> Cases()
        => (from rows in Gen.Choose(1, 5000)
            from unit in Gen.Elements(6, 8, 12)
            from shortest in Gen.Choose(1, 16)
            from longest in Gen.Choose(shortest, 16)
            from tasks in Gen.Choose(1, 8)
            from threads in Gen.Choose(1, 128)
            select (rows, unit, longest * unit, shortest * unit, tasks, threads)).ToArbitrary();
}
