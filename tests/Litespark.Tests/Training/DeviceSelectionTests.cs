using Litespark.Devices.Cpu;
using Litespark.Graphs;
using Litespark.Planning;
using Litespark.Recipes;
using Litespark.Training;

namespace Litespark.Tests.Training;

public class DeviceSelectionTests
{
    readonly List<string> notices = [];

    [Theory]
    [InlineData(Precision.Auto, DataType.BFloat16)]
    [InlineData(Precision.Bfloat16, DataType.BFloat16)]
    [InlineData(Precision.Float32, DataType.Float32)]
    public void Auto_is_a_gpu_where_there_is_one(Precision precision, DataType expected)
    {
        using var gpu = new CpuDevice(1); // stands for one
        DataType? asked = null;
        IDevice device = DeviceSelection.Open(new EngineSection { Precision = precision }, type =>
        {
            asked = type;
            return gpu;
        }, () => true, notices.Add);
        Assert.Same(gpu, device);
        Assert.Equal(expected, asked);
        Assert.Empty(notices);
    }

    [Fact]
    public void Auto_without_a_driver_is_the_cpu_and_nothing_is_said()
    {
        using IDevice device = DeviceSelection.Open(new EngineSection(), _ => throw new InvalidOperationException("no driver, no GPU"), () => false, notices.Add);
        Assert.IsType<CpuDevice>(device);
        Assert.Empty(notices);
    }

    [Fact]
    public void Auto_with_a_gpu_that_lacks_something_is_the_cpu_and_says_why()
    {
        using IDevice device = DeviceSelection.Open(new EngineSection(), _ => throw new UserErrorException("there is no compiler"), () => true, notices.Add);
        Assert.IsType<CpuDevice>(device);
        Assert.Contains("there is no compiler", Assert.Single(notices), StringComparison.Ordinal);
    }

    [Fact]
    public void Auto_with_a_driver_that_lacks_a_function_is_the_cpu()
    {
        using IDevice device = DeviceSelection.Open(new EngineSection(), _ => throw new EntryPointNotFoundException("cuSomething"), () => true, notices.Add);
        Assert.IsType<CpuDevice>(device);
        Assert.Single(notices);
    }

    [Fact]
    public void Cuda_is_never_replaced()
        => Assert.Throws<UserErrorException>(() => DeviceSelection.Open(new EngineSection { Device = DeviceChoice.Cuda }, _ => throw new UserErrorException("there is no GPU"), () => true, notices.Add));

    [Fact]
    public void Bfloat16_needs_a_gpu()
        => Assert.Throws<UserErrorException>(() => DeviceSelection.Open(new EngineSection { Precision = Precision.Bfloat16 }, _ => throw new UserErrorException("none"), () => false, notices.Add));

    [Theory]
    [InlineData("auto", "cuda", DeviceChoice.Cuda)]
    [InlineData("auto", "cpu", DeviceChoice.Cpu)]
    [InlineData("auto", "auto", DeviceChoice.Cpu)] // saved when auto was the CPU
    [InlineData("cpu", "cuda", DeviceChoice.Cpu)]
    [InlineData("cuda", "cpu", DeviceChoice.Cuda)]
    public void A_run_goes_on_with_its_device_unless_another_is_named(string now, string saved, DeviceChoice expected)
        => Assert.Equal(expected, DeviceSelection.Continue(On(now), On(saved).Recipe).Recipe.Engine.Device);

    static LoadedRecipe On(string device) => RecipeLoader.Load($"model:\n  preset: llama-1m\nengine:\n  device: {device}\n", "test", []);

    [Fact]
    public void A_run_is_settled_on_its_device()
    {
        using var device = new CpuDevice(1);
        LoadedRecipe recipe = RecipeLoader.Load("model:\n  preset: llama-1m\ntraining:\n  max_steps: 7\n", "test", []);
        LoadedRecipe settled = DeviceSelection.Settle(recipe, device);
        Assert.Equal(DeviceChoice.Cpu, settled.Recipe.Engine.Device);
        Assert.Equal(7, settled.Recipe.Training.MaxSteps);
        Assert.True(settled.IsSet("training.max_steps"));
        Assert.False(settled.IsSet("engine.device"));
    }
}
