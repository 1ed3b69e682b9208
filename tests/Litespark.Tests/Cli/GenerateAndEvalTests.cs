using System.Text.Json;
using System.Text.Json.Nodes;
using Litespark.Checkpoints;
using Litespark.Cli;
using Litespark.Cli.Commands;
using Litespark.Cli.Handlers;
using Litespark.Data;
using Litespark.Devices.Cpu;
using Litespark.Models;
using Litespark.Recipes;
using Litespark.Tests.Inference;

namespace Litespark.Tests.Cli;

/// <summary><c>generate</c> and <c>eval</c> from the command line to what they print, on a toy run.</summary>
public sealed class GenerateAndEvalTests : IDisposable
{
    readonly TemporaryFolder folder = new();
    readonly string run, model, text;

    public GenerateAndEvalTests()
    {
        run = folder.File("run");
        text = folder.File("held-out.txt");
        File.WriteAllText(text, "the cat sat on the mat. where is the dog?");
        TransformerSpec spec = ToyText.Spec();
        using var device = new CpuDevice(1);
        model = new CheckpointStore(run).Save(1, new CheckpointContents
        {
            Spec = spec,
            Weights = ToyText.RandomWeights(device, spec),
            OptimizerState = new DictionaryTensorStore(),
            TrainingState = new JsonObject(),
            EosTokenIds = [ToyText.Tokenizer.EndOfTextId],
            WriteTokenizer = ToyText.Tokenizer.Save,
        });
        var recipe = new Recipe
        {
            Model = new ModelSection { Preset = "llama-1m" },
            Data = new DataOptions { Train = [text], Validation = [text], CacheDir = folder.File("cache") },
            Training = new TrainingSection { SequenceLength = 16, MicroBatchSize = 2 },
        };
        File.WriteAllText(Path.Combine(run, "recipe.yaml"), recipe.ToYaml());
    }

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Generate_streams_text_to_stdout_and_figures_to_stderr()
    {
        (int code, string output, string error) = Invoke("generate", "--checkpoint", run, "--prompt", "the cat", "--max-new-tokens", "9", "--seed", "5");
        Assert.Equal(ExitCodes.Done, code);
        Assert.StartsWith("the cat", output);
        Assert.Contains("9 new tokens", error);
        Assert.Contains("--seed 5", error);

        (_, string json, _) = Invoke("generate", "--checkpoint", model, "--prompt", "the cat", "--max-new-tokens", "9", "--seed", "5", "--json");
        JsonElement result = Parse(json);
        Assert.Equal(["text", "tokens", "prompt_tokens", "tokens_per_second", "finish_reason"], result.EnumerateObject().Select(member => member.Name));
        Assert.Equal(output, "the cat" + result.GetProperty("text").GetString() + Environment.NewLine);
        Assert.Equal(9, result.GetProperty("tokens").GetInt32());
        Assert.Equal("max_new_tokens", result.GetProperty("finish_reason").GetString());
    }

    [Fact]
    public void Generate_takes_the_prompt_from_stdin()
    {
        using var output = new StringWriter();
        using var context = new CommandContext(output, TextWriter.Null, json: false);
        using var input = new StringReader("the dog");
        Assert.Equal(ExitCodes.Done, GenerateHandler.Run(new GenerateOptions(run, "-", 3, 0, 0, 1, null, [], "cpu"), context, input));
        Assert.StartsWith("the dog", output.ToString());
    }

    [Fact]
    public void Generate_that_is_interrupted_says_so_by_its_exit_code()
    {
        using StringWriter output = new(), error = new();
        using var signals = new StopSignals(TextWriter.Null);
        signals.Receive();
        using var context = new CommandContext(output, error, json: true, signals);
        Assert.Equal(ExitCodes.Interrupted, GenerateHandler.Run(new GenerateOptions(run, "the dog", 9, 0, 0, 1, null, [], "cpu"), context, TextReader.Null));
        Assert.Equal("interrupted", Parse(output.ToString()).GetProperty("finish_reason").GetString());
    }

    [Fact]
    public void Generate_refuses_too_long_a_prompt_before_it_prints_any()
    {
        (int code, string output, string error) = Invoke("generate", "--checkpoint", run, "--prompt", new string('x', 100));
        Assert.Equal((ExitCodes.UserError, ""), (code, output));
        Assert.Contains("the model takes 64", error);
    }

    [Fact]
    public void Eval_measures_a_run_on_its_own_text_and_a_model_on_text_that_is_named()
    {
        (int code, string own, _) = Invoke("eval", "--checkpoint", run, "--json");
        Assert.Equal(ExitCodes.Done, code);
        JsonElement result = Parse(own);
        Assert.Equal(["loss", "perplexity", "bits_per_byte", "tokens", "bytes"], result.EnumerateObject().Select(member => member.Name));
        Assert.Equal(new FileInfo(text).Length, result.GetProperty("bytes").GetInt64());
        Assert.Equal(Math.Exp(result.GetProperty("loss").GetDouble()), result.GetProperty("perplexity").GetDouble(), 1e-9);

        string copy = folder.File("copy");
        Directory.Move(model, copy);
        string[] named = ["eval", "--checkpoint", copy, "--data", text, "--set", "data.cache_dir=" + folder.File("cache"), "--json"];
        JsonElement sameBatches = Parse(Invoke([.. named, "--set", "training.sequence_length=16", "--set", "training.micro_batch_size=2"]).Output);
        Assert.Equal(own.Trim(), sameBatches.GetRawText());
        Assert.True(Parse(Invoke(named).Output).GetProperty("loss").GetDouble() > 0);
    }

    [Fact]
    public void Eval_without_text_says_what_to_name()
    {
        string copy = folder.File("copy");
        Directory.Move(model, copy);
        (int code, string output, string error) = Invoke("eval", "--checkpoint", copy);
        Assert.Equal((ExitCodes.UserError, ""), (code, output));
        Assert.Contains("--data", error);
    }

    [Fact]
    public void Eval_refuses_sequences_longer_than_the_model_takes()
    {
        (int code, _, string error) = Invoke("eval", "--checkpoint", run, "--set", "training.sequence_length=65");
        Assert.Equal(ExitCodes.UserError, code);
        Assert.Contains("--set training.sequence_length=65", error);
        Assert.Contains("64 positions", error);
    }

    static JsonElement Parse(string line)
    {
        using JsonDocument document = JsonDocument.Parse(line);
        return document.RootElement.Clone();
    }

    static (int Code, string Output, string Error) Invoke(params string[] args)
    {
        using StringWriter output = new(), error = new();
        int code = CommandLine.Run(args, output, error);
        return (code, output.ToString(), error.ToString());
    }
}
