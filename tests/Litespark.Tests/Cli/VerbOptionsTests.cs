using System.CommandLine;
using Litespark.Cli;
using Litespark.Cli.Commands;
using Litespark.Data;

namespace Litespark.Tests.Cli;

/// <summary>The option sets of the verbs: what reaches the handler.</summary>
public class VerbOptionsTests
{
    static (T? Options, int Code, string Error) Parse<T>(Func<Func<T, CommandContext, int>, Command> create, params string[] args) where T : class
    {
        T? seen = null;
        using var error = new StringWriter { NewLine = "\n" };
        Command verb = create((options, _) =>
        {
            seen = options;
            return ExitCodes.Interrupted;
        });
        int code = CommandLine.Run(new HelpfulCommand("litespark", "") { verb }, [verb.Name, .. args], TextWriter.Null, error);
        return (seen, code, error.ToString());
    }

    [Fact]
    public void Train_without_arguments_takes_the_default_recipe()
    {
        (TrainOptions? options, int code, _) = Parse<TrainOptions>(TrainCommand.Create);
        Assert.Equal(ExitCodes.Interrupted, code);
        Assert.Null(options!.Out);
        Assert.False(options.Resume);
        Assert.Equal("default", options.Recipe.Load().Name);
    }

    [Fact]
    public void Train_takes_a_recipe_overrides_a_device_and_a_run_folder()
    {
        (TrainOptions? options, _, _) = Parse<TrainOptions>(TrainCommand.Create,
            "llama-15m", "--set", "training.max_steps=3", "--set", "engine.device=cuda", "--device", "cpu", "--out", "runs/a", "--resume", "--json");
        Assert.Equal("runs/a", options!.Out);
        Assert.True(options.Resume);
        var recipe = options.Recipe.Load().Recipe;
        Assert.Equal(3, recipe.Training.MaxSteps);
        Assert.Equal(Litespark.Recipes.DeviceChoice.Cpu, recipe.Engine.Device);
    }

    [Fact]
    public void Bench_falls_back_to_what_its_handler_wants()
    {
        (BenchOptions? options, _, _) = Parse<BenchOptions>(BenchCommand.Create, "--thorough");
        Assert.True(options!.Thorough);
        Assert.Equal("llama-15m", options.Recipe.Load("llama-15m").Name);
    }

    [Fact]
    public void Generate_has_its_defaults()
    {
        (GenerateOptions? options, _, _) = Parse<GenerateOptions>(GenerateCommand.Create, "--checkpoint", "x");
        Assert.Equal(new GenerateOptions("x", "", 200, 0.8, 0, 1, null, options!.Stop, "auto"), options);
        Assert.Empty(options.Stop);
    }

    [Fact]
    public void Generate_takes_every_option_and_any_prompt()
    {
        (GenerateOptions? options, _, _) = Parse<GenerateOptions>(GenerateCommand.Create,
            "--checkpoint", "x", "--prompt", "@file [a] = b", "--max-new-tokens", "5", "--temperature", "0", "--top-k", "40", "--top-p", "0.9", "--seed", "7", "--stop", "a", "--stop", "b", "--device", "cpu");
        Assert.Equal(["a", "b"], options!.Stop);
        Assert.Equal(new GenerateOptions("x", "@file [a] = b", 5, 0, 40, 0.9, 7, options.Stop, "cpu"), options);
    }

    [Theory]
    [InlineData("--prompt x", "'--checkpoint'")]
    [InlineData("--checkpoint x --temperature -1", "--temperature must be a number, 0 or more, found '-1'")]
    [InlineData("--checkpoint x --temperature warm", "--temperature must be a number, 0 or more, found 'warm'")]
    [InlineData("--checkpoint x --top-p 0", "--top-p must be a number above 0 and at most 1")]
    [InlineData("--checkpoint x --max-new-tokens 0", "--max-new-tokens must be a whole number, 1 or more")]
    [InlineData("--checkpoint x --device tpu", "'tpu'")]
    public void A_wrong_value_is_refused_before_anything_runs(string line, string expected)
    {
        (GenerateOptions? options, int code, string error) = Parse<GenerateOptions>(GenerateCommand.Create, line.Split(' '));
        Assert.Null(options);
        Assert.Equal(2, code);
        Assert.Contains(expected, error);
    }

    [Fact]
    public void Eval_turns_its_options_into_changes_of_the_runs_recipe()
    {
        (EvalOptions? options, _, _) = Parse<EvalOptions>(EvalCommand.Create, "--checkpoint", "x", "--data", "a b.txt", "--data", "*.md", "--max-tokens", "100", "--device", "cpu");
        var recipe = Litespark.Recipes.RecipeLoader.Load("model: {preset: llama-1m}\ndata: {sources: [{path: z}]}", "run", options!.Overrides).Recipe;
        Assert.Equal(["a b.txt", "*.md"], recipe.Data.Validation);
        Assert.Equal(DataSourceKind.Files, recipe.Data.EffectiveSource);
        Assert.Equal(100, recipe.Evaluation.MaxTokens);
    }

    [Fact]
    public void Export_names_its_folder_and_format()
    {
        (ExportOptions? options, _, _) = Parse<ExportOptions>(ExportCommand.Create, "--checkpoint", "x", "--out", "y", "--dtype", "bfloat16");
        Assert.Equal(new ExportOptions("x", "y", true), options);
        Assert.Equal(2, Parse<ExportOptions>(ExportCommand.Create, "--checkpoint", "x").Code);
    }
}
