using Litespark.Devices.Cpu;

namespace Litespark.Tests.Devices.Cpu;

public unsafe class WorkerPoolTests
{
    sealed class Work(Action<int, int> action) : IParallelWork
    {
        public void RunTask(int task, int worker) => action(task, worker);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(8)]
    public void Every_task_runs_once_in_every_loop_of_either_kind(int threads)
    {
        using var pool = new WorkerPool(threads);
        int[] runs = new int[100];
        var work = new Work((task, worker) =>
        {
            Assert.InRange(worker, 0, threads - 1);
            Interlocked.Increment(ref runs[task]);
        });
        int[] expected = new int[100];
        for (int loop = 0; loop < 2000; loop++)
        {
            int tasks = loop % 100;
            if (loop % 3 == 0) pool.Run(work, tasks);
            else pool.RunByParts(work, tasks);
            for (int task = 0; task < tasks; task++) expected[task]++;
            if (loop % 500 == 0) Thread.Sleep(5); // long enough for the workers to fall asleep
        }
        Assert.Equal(expected, runs);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void An_exception_of_a_task_reaches_the_caller_and_the_pool_lives_on(int threads)
    {
        using var pool = new WorkerPool(threads);
        var failing = new Work((task, _) =>
        {
            if (task == 7) throw new InvalidDataException("task 7");
        });
        for (int i = 0; i < 20; i++)
        {
            Assert.Equal("task 7", Assert.Throws<InvalidDataException>(() => pool.Run(failing, 50)).Message);
            Assert.Equal("task 7", Assert.Throws<InvalidDataException>(() => pool.RunByParts(failing, 50)).Message);
            int count = 0;
            pool.Run(new Work((_, _) => Interlocked.Increment(ref count)), 50);
            Assert.Equal(50, count);
        }
    }

    [Fact]
    public void A_loop_inside_a_loop_is_refused()
    {
        using var pool = new WorkerPool(2);
        var inner = new Work((_, _) => { });
        var outer = new Work((_, _) => pool.Run(inner, 2));
        Assert.Throws<InvalidOperationException>(() => pool.Run(outer, 2));
    }

    [Fact]
    public void Running_allocates_nothing()
    {
        using var pool = new WorkerPool(3);
        var work = new Work((_, _) => { });
        for (int i = 0; i < 100; i++) pool.RunByParts(work, 10);
        // The runtime allocates once when two threads first wait for one lock.
        long least = long.MaxValue;
        for (int sample = 0; sample < 3; sample++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 1000; i++)
            {
                pool.Run(work, 10);
                pool.RunByParts(work, 10);
            }

            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        Assert.Equal(0, least);
    }

    [Fact]
    public void A_disposed_pool_refuses_work_and_disposing_twice_is_harmless()
    {
        var pool = new WorkerPool(4);
        pool.Run(new Work((_, _) => { }), 10);
        pool.Dispose();
        pool.Dispose();
        Assert.Throws<ObjectDisposedException>(() => pool.Run(new Work((_, _) => { }), 10));
    }

    [Fact]
    public void Scratch_is_private_aligned_and_as_long_as_the_longest_reservation()
    {
        using var pool = new WorkerPool(3);
        Assert.Throws<InvalidOperationException>(() => (nint)pool.Scratch(0));
        pool.ReserveScratch(5000);
        pool.ReserveScratch(10);
        pool.ReserveSharedScratch(100);
        pool.SharedScratch[99] = 1;
        for (int w = 0; w < 3; w++)
        {
            Assert.Equal(0, (nint)pool.Scratch(w) % 64);
            new Span<float>(pool.Scratch(w), 5000).Fill(w);
        }
        for (int w = 0; w < 3; w++) Assert.True(new Span<float>(pool.Scratch(w), 5000).IndexOfAnyExcept((float)w) < 0);
    }
}
