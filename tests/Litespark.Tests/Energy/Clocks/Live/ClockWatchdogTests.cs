using System.Diagnostics;
using Litespark.Energy.Clocks.Live;
using Litespark.Tests.Energy.Nvml;
using Litespark.Tests.Training;

namespace Litespark.Tests.Energy.Clocks.Live;

/// <summary>The watchdog as a process of its own, with the stand-in in the place of the system's NVML.</summary>
public sealed class ClockWatchdogTests : IDisposable
{
    const int Interrupt = 2, Terminate = 15;

    readonly StandInNvml? nvml = StandInLibrary.CanBuild ? StandInNvml.Create() : null;

    public void Dispose() => nvml?.Dispose();

    string Folder => Path.GetDirectoryName(nvml!.FilePath)!;

    string Log => Path.Combine(Folder, "log");

    /// <summary>Calls that changed clocks, 0 meaning that a clock was freed.</summary>
    string[] Calls => File.Exists(Log) ? File.ReadAllLines(Log) : [];

    Process Start(params string[] options)
    {
        File.Copy(nvml!.FilePath, Path.Combine(Folder, "libnvidia-ml.so.1"), overwrite: true);
        return TinyRun.Start(["energy", "restore-clocks", .. options], info =>
        {
            info.RedirectStandardInput = true;
            info.Environment["LD_LIBRARY_PATH"] = Folder;
            info.Environment["STANDIN_NVML_GPU"] = "1";
            info.Environment["STANDIN_NVML_LOG"] = Log;
            info.Environment.Remove("CUDA_VISIBLE_DEVICES");
        });
    }

    [StandInFact]
    public void It_frees_the_clocks_when_its_parent_dies_and_no_polite_signal_stops_it()
    {
        using Process child = Start("--watch", "--gpu", "0000:01:00.0");
        Assert.Equal(ClockWatchdog.Ready, child.StandardOutput.ReadLine());
        Assert.Equal(["0000:01:00.0 core 0", "0000:01:00.0 memory 0"], Calls);
        TinyRun.Signal(child, Interrupt);
        TinyRun.Signal(child, Terminate);
        Assert.False(child.WaitForExit(TimeSpan.FromSeconds(1)));
        // What the system does with the pipe of a process that is killed.
        child.StandardInput.Close();
        CommandOutcome outcome = TinyRun.Finish(child);
        Assert.True(outcome.Code == 0, outcome.Error);
        Assert.Equal(["0000:01:00.0 core 0", "0000:01:00.0 memory 0"], Calls[2..]);
    }

    [StandInFact]
    public void It_goes_without_a_word_where_its_parent_needs_it_no_more()
    {
        using Process child = Start("--watch");
        Assert.Equal(ClockWatchdog.Ready, child.StandardOutput.ReadLine());
        child.StandardInput.WriteLine(ClockWatchdog.Done);
        Assert.Equal(0, TinyRun.Finish(child).Code);
        Assert.Equal(2, Calls.Length);
    }

    [StandInFact]
    public void By_hand_it_frees_the_clocks_at_once()
    {
        using Process process = Start("--json");
        CommandOutcome outcome = TinyRun.Finish(process);
        Assert.Equal(0, outcome.Code);
        Assert.Contains("\"gpus\":1", outcome.Out);
        Assert.Equal(2, Calls.Length);
    }

    [Fact]
    public void A_watchdog_that_does_not_start_is_the_users_to_read()
    {
        Assert.Contains("cannot be started", Assert.Throws<UserErrorException>(() => ClockWatchdog.Start("/nowhere/litespark", [])).Message);
        // One that cannot reach the GPUs says so itself.
        UserErrorException error = Assert.Throws<UserErrorException>(() => ClockWatchdog.Start(TinyRun.Host, [TinyRun.Program, "energy", "restore-clocks", "--watch", "--gpu", "GPU-nowhere"]));
        Assert.Contains("clocks", error.Message);
    }

    [Fact]
    public void The_childs_side_restores_on_the_end_of_its_input_alone()
    {
        int restored = 0;
        using var output = new StringWriter();
        Assert.True(ClockWatchdog.Watch(new StringReader(""), output, () => restored++));
        Assert.False(ClockWatchdog.Watch(new StringReader("done\n"), output, () => restored++));
        Assert.Equal(1, restored);
    }
}
