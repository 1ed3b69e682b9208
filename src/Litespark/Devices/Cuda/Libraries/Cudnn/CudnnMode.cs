namespace Litespark.Devices.Cuda.Libraries.Cudnn;

/// <summary>What cuDNN is used for.</summary>
internal enum CudnnMode
{
    /// <summary>Attention and its gradient.</summary>
    On,

    /// <summary>Attention; its gradient is ours.</summary>
    Forward,

    /// <summary>Nothing.</summary>
    Off,
}

/// <summary>Reads the mode from the environment.</summary>
internal static class CudnnModes
{
    /// <summary>The environment variable: <c>on</c> (also where it is not set), <c>forward</c> or <c>off</c>.</summary>
    public const string Variable = "LITESPARK_CUDNN";

    /// <summary>The mode that the environment asks for.</summary>
    /// <exception cref="UserErrorException">It is none of the three.</exception>
    public static CudnnMode Of(Func<string, string?> variable) => variable(Variable) switch
    {
        null or "" or "on" => CudnnMode.On,
        "forward" => CudnnMode.Forward,
        "off" => CudnnMode.Off,
        string other => throw new UserErrorException($"{Variable}={other}: right would be on (attention and its gradient by cuDNN where it has them), forward (attention alone) or off."),
    };
}
