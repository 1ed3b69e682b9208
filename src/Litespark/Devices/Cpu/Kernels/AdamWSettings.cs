namespace Litespark.Devices.Cpu.Kernels;

/// <summary>AdamW's constants; in double, so that 1 − β is rounded only once.</summary>
internal readonly record struct AdamWSettings(double Beta1, double Beta2, double Epsilon, double WeightDecay);
