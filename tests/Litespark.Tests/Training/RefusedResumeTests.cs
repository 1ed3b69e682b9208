using System.Diagnostics;
using Litespark.Training;
using Xunit.Abstractions;

namespace Litespark.Tests.Training;

/// <summary>Resuming what does not fit, is damaged or is in use: refused with a reason, and the run is as it was.</summary>
public sealed class RefusedResumeTests : IDisposable
{
    const int Failed = 1, UserError = 2;
    readonly TinyRun tiny = new();
    readonly ITestOutputHelper output;

    public RefusedResumeTests(ITestOutputHelper output)
    {
        this.output = output;
        tiny.Train("run", stopAfter: 8);
        File.WriteAllText(tiny.At("other.jsonl"), TinyRun.Documents(seed: 2, count: 60));
    }

    public void Dispose() => tiny.Dispose();

    [Theory]
    [InlineData("model.num_hidden_layers=3", "num_hidden_layers is 2 there and 3 here")]
    [InlineData("model.num_attention_heads=8", "num_attention_heads is 4 there and 8 here")]
    [InlineData("model.rope_theta=500", "rope_theta is 10000")]
    [InlineData("model.sliding_window=8 model.model_type=mistral", "model_type is \"llama\" there and \"mistral\" here")]
    [InlineData("model.tie_word_embeddings=false", "tie_word_embeddings is true there and false here")]
    [InlineData("data.train=[OTHER]", "was trained on another corpus")]
    [InlineData("data.shuffle=false", "was trained on another corpus")]
    [InlineData("training.seed=4", "resume with training.seed: 3")]
    [InlineData("optimizer.name=muon", "was trained with optimizer.name: adamw, the recipe says muon")]
    public void A_checkpoint_of_another_recipe_is_refused_and_the_run_stays_as_it_was(string changes, string expected)
    {
        string[] arguments = [.. changes.Replace("OTHER", $"\"{tiny.At("other.jsonl")}\"", StringComparison.Ordinal).Split(' ').SelectMany(change => (string[])["--set", change])];
        Unchanged(() => RefusedInputTests.AssertClear(UserError, expected, Resume(arguments)));
    }

    [Fact]
    public void Another_model_is_refused_before_a_tokenizer_is_trained()
    {
        string cache = tiny.At("new-cache");
        Unchanged(() => RefusedInputTests.AssertClear(UserError, "run is a run of another model than the recipe's: num_hidden_layers is 2 there and 3 here",
            TinyRun.Run("train", tiny.RecipePath, "--json", "--resume", "--out", tiny.At("run"), "--set", "model.num_hidden_layers=3", "--set", $"data.cache_dir={cache}")));
        Assert.False(Directory.Exists(cache));
    }

    [Fact]
    public void A_run_is_not_begun_in_the_folder_of_another()
        => Unchanged(() => RefusedInputTests.AssertClear(UserError, "already holds a run; go on with it by --resume, or choose another folder with --out", TinyRun.Run("train", tiny.RecipePath, "--json", "--out", tiny.At("run"))));

    [Fact]
    public void A_folder_without_a_run_is_not_resumed()
    {
        RefusedInputTests.AssertClear(UserError, "there is no run to resume in this folder", TinyRun.Run("train", "--resume", "--json", "--out", tiny.At("typo")));
        Assert.False(Directory.Exists(tiny.At("typo")));
    }

    [Fact]
    public void A_folder_in_use_is_refused()
    {
        using RunFolder used = RunFolder.Open(tiny.At("run"));
        Unchanged(() => RefusedInputTests.AssertClear(UserError, "another litespark is training in this folder", Resume()));
        CommandOutcome other = TinyRun.RunProcess(["train", "--resume", "--json", "--out", tiny.At("run")]);
        RefusedInputTests.AssertClear(UserError, "another litespark is training in this folder", other);
    }

    [Fact]
    public void A_file_is_no_run_folder()
        => RefusedInputTests.AssertClear(UserError, "the run folder cannot be written", TinyRun.Run("train", tiny.RecipePath, "--json", "--out", tiny.Corpus));

    [Theory]
    [InlineData("model.safetensors", "model.safetensors is damaged: its checksum does not match")]
    [InlineData("training_state.safetensors", "training_state.safetensors is damaged")]
    [InlineData("training_state.json", "training_state.json is damaged")]
    [InlineData("config.json", "config.json is damaged")]
    public void A_damaged_checkpoint_is_passed_over_for_the_one_before(string file, string reason)
    {
        string undisturbed = tiny.Train("undisturbed").Run, newest = TinyRun.Checkpoints(tiny.At("run"))[^1];
        byte[] bytes = File.ReadAllBytes(Path.Combine(newest, file));
        bytes[bytes.Length / 2] ^= 4;
        File.WriteAllBytes(Path.Combine(newest, file), bytes);
        ResumesFrom(4, $"passed over {newest}: {reason}", undisturbed);
    }

    [Fact]
    public void Half_checkpoints_are_passed_over()
    {
        string undisturbed = tiny.Train("undisturbed").Run, newest = TinyRun.Checkpoints(tiny.At("run"))[^1];
        Directory.CreateDirectory($"{newest[..^1]}9.partial");
        File.WriteAllText(Path.Combine($"{newest[..^1]}9.partial", "model.safetensors"), "half");
        File.Delete(Path.Combine(newest, "manifest.json"));
        ResumesFrom(4, $"passed over {newest}: manifest.json is missing", undisturbed);
    }

    [Fact]
    public void Where_no_checkpoint_is_whole_the_run_is_left_alone()
    {
        foreach (string checkpoint in TinyRun.Checkpoints(tiny.At("run"))) File.AppendAllText(Path.Combine(checkpoint, "model.safetensors"), "x");
        Unchanged(() => RefusedInputTests.AssertClear(UserError, "none of the checkpoints is whole", Resume()));
    }

    /// <summary>A disk of its own, mounted where only the child process sees it: full in the middle, then larger.</summary>
    [Fact]
    public void A_full_disk_ends_the_run_with_its_checkpoints_intact_and_it_goes_on_when_there_is_room()
    {
        string disk = tiny.At("disk"), kept = tiny.At("kept");
        Directory.CreateDirectory(disk);
        string train = $"'{TinyRun.Host}' '{TinyRun.Program}' train";
        CommandOutcome outcome = Unshared($"""
            mount -t tmpfs -o size=1500k none '{disk}' || exit 99
            {train} '{tiny.RecipePath}' --json --out '{disk}/run' --set training.max_steps=12 --set checkpoints.keep_last=0 --set checkpoints.every_steps=2
            echo "exit $?" >&2
            ls '{disk}/run/checkpoints' >&2
            mount -o remount,size=30m '{disk}'
            {train} --resume --out '{disk}/run' 2>/dev/null || exit 98
            cp -r '{disk}/run' '{kept}'
            """);
        if (outcome.Code == 99)
        {
            output.WriteLine($"not run: no disk can be mounted here ({outcome.Error.Trim()})");
            return;
        }

        output.WriteLine(outcome.Error);
        Assert.Equal(0, outcome.Code);
        Assert.Empty(outcome.Out);
        string[] lines = outcome.Error.TrimEnd('\n').Split('\n');
        int end = Array.IndexOf(lines, $"exit {Failed}");
        Assert.True(end > 0, "it was to fail");
        Assert.Contains("the disk is full", lines[end - 1]);
        Assert.DoesNotContain("Exception", outcome.Error);
        Assert.NotEmpty(lines[(end + 1)..]);
        Assert.All(lines[(end + 1)..], name => Assert.DoesNotContain("partial", name));
        tiny.Train("undisturbed");
        Assert.Equal(TinyRun.Reproducible(tiny.At("undisturbed")), TinyRun.Reproducible(kept));
    }

    [Fact]
    public void Without_an_SDK_the_default_corpus_is_refused_with_what_to_do()
    {
        Directory.CreateDirectory(tiny.At("nothing"));
        string root = Path.GetDirectoryName(TinyRun.Host)!;
        CommandOutcome outcome = Unshared($"""
            for folder in '{root}' /usr/share/dotnet /usr/lib/dotnet /usr/lib64/dotnet /usr/local/share/dotnet /opt/dotnet "$HOME/.dotnet"; do
              if [ -d "$folder/packs" ]; then mount --bind '{tiny.At("nothing")}' "$folder/packs" || exit 99; fi
            done
            export DOTNET_ROOT='{tiny.At("nothing")}' PATH=/usr/sbin:/sbin
            '{TinyRun.Host}' exec '{TinyRun.Program}' train --json --out '{tiny.At("new")}' --set data.cache_dir='{tiny.At("cache")}'
            """);
        if (outcome.Code == 99)
        {
            output.WriteLine($"not run: nothing can be mounted here ({outcome.Error.Trim()})");
            return;
        }

        RefusedInputTests.AssertClear(UserError, "no SDK was found", outcome);
        Assert.Contains("Install the .NET SDK", outcome.Error);
        Assert.Contains("--set data.train=PATH", outcome.Error);
        Assert.Contains("data.source=shards", outcome.Error);
    }

    /// <summary>Runs a script with mounts of its own; exit code 99 where that is not allowed.</summary>
    static CommandOutcome Unshared(string script)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo("unshare", ["--mount", "sh", "-c", script]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            CommandOutcome outcome = TinyRun.Finish(process);
            return outcome.Error.StartsWith("unshare:", StringComparison.Ordinal) ? outcome with { Code = 99 } : outcome;
        }
        catch (System.ComponentModel.Win32Exception missing)
        {
            return new CommandOutcome(99, "", missing.Message);
        }
    }

    CommandOutcome Resume(params string[] arguments) => TinyRun.Run(["train", "--resume", "--json", "--out", tiny.At("run"), .. arguments]);

    void ResumesFrom(int step, string warning, string undisturbed)
    {
        CommandOutcome outcome = TinyRun.RunProcess(["train", "--resume", "--out", tiny.At("run")]);
        Assert.True(outcome.Code == 0, outcome.Error);
        Assert.Contains(warning, outcome.Error);
        Assert.Contains($"resuming after step {step}", outcome.Error);
        Assert.Equal(TinyRun.Reproducible(undisturbed), TinyRun.Reproducible(tiny.At("run")));
    }

    /// <summary>Every file of the run has the bytes that it had.</summary>
    void Unchanged(Action action)
    {
        Dictionary<string, string> before = Contents();
        action();
        Assert.Equal(before, Contents());
    }

    Dictionary<string, string> Contents() => Directory.GetFiles(tiny.At("run"), "*", SearchOption.AllDirectories).Where(path => !path.EndsWith(".lock", StringComparison.Ordinal))
        .ToDictionary(path => path, path => Convert.ToBase64String(File.ReadAllBytes(path)));
}
