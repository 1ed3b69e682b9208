namespace Litespark.Devices.Cuda.Libraries.Cudnn;

// The numbers that cuDNN's header gives to names (cudnn_graph.h of cuDNN 9; they have not changed since 9.0). Only those that are used.

/// <summary>cudnnBackendDescriptorType_t.</summary>
internal enum CudnnKind
{
    Pointwise = 0,
    Engine = 2,
    EngineConfiguration = 3,
    EngineHeuristics = 4,
    ExecutionPlan = 5,
    KnobChoice = 7,
    OperationPointwise = 13,
    OperationGraph = 15,
    VariantPack = 16,
    Tensor = 17,
    Matmul = 18,
    OperationMatmul = 19,
    Reduction = 21,
    OperationReduction = 22,
    OperationReshape = 31,
}

/// <summary>cudnnBackendAttributeType_t.</summary>
internal enum CudnnAttributeType
{
    Handle = 0,
    DataType = 1,
    Boolean = 2,
    Int64 = 3,
    Float = 4,
    VoidPointer = 6,
    HeuristicsMode = 8,
    KnobType = 9,
    NumericalNote = 11,
    PointwiseMode = 14,
    Descriptor = 15,
    ReductionOperator = 18,
}

/// <summary>cudnnBackendAttributeName_t.</summary>
internal enum CudnnAttribute
{
    PointwiseMode = 0,
    PointwiseComputeType = 1, // …_MATH_PREC
    PointwiseAxis = 9,
    HeuristicsMode = 200,
    HeuristicsOperationGraph = 201,
    HeuristicsResults = 202,
    ConfigurationEngine = 300,
    ConfigurationKnobChoices = 302,
    PlanHandle = 400,
    PlanConfiguration = 401,
    PlanWorkspaceSize = 402,
    KnobChoiceType = 600,
    KnobChoiceValue = 601,
    OperationPointwiseDescriptor = 750,
    OperationPointwiseX = 751,
    OperationPointwiseB = 752,
    OperationPointwiseY = 753,
    OperationPointwiseAlpha1 = 754,
    OperationPointwiseAlpha2 = 755,
    OperationPointwiseT = 758,
    GraphHandle = 800,
    GraphOperations = 801,
    TensorByteAlignment = 900,
    TensorDataType = 901,
    TensorDimensions = 902,
    TensorStrides = 903,
    TensorUniqueId = 906,
    TensorIsVirtual = 907,
    TensorIsByValue = 908,
    PackUniqueIds = 1000,
    PackDataPointers = 1001,
    PackWorkspace = 1003,
    EngineGlobalIndex = 1301,
    EngineNumericalNote = 1303,
    MatmulComputeType = 1500,
    OperationMatmulA = 1520,
    OperationMatmulB = 1521,
    OperationMatmulC = 1522,
    OperationMatmulDescriptor = 1523,
    ReductionOperator = 1600,
    ReductionComputeType = 1601,
    OperationReductionX = 1610,
    OperationReductionY = 1611,
    OperationReductionDescriptor = 1612,
    OperationReshapeX = 2200,
    OperationReshapeY = 2201,
}

/// <summary>cudnnDataType_t.</summary>
internal enum CudnnData
{
    Float32 = 0,
    Int32 = 4,
    BFloat16 = 9,
    Boolean = 11,
}

/// <summary>cudnnPointwiseMode_t.</summary>
internal enum CudnnPointwise
{
    Add = 0,
    Multiply = 1,
    Divide = 6,
    Subtract = 9,
    Exponential = 13,
    Logarithm = 15,
    GreaterOrEqual = 303,
    Index = 501, // CUDNN_POINTWISE_GEN_INDEX: each element's place along an axis
    Select = 601, // CUDNN_POINTWISE_BINARY_SELECT: T ? X : B
}

/// <summary>cudnnReduceTensorOp_t.</summary>
internal enum CudnnReduce
{
    Add = 0,
    Max = 3,
}

/// <summary>cudnnBackendHeurMode_t.</summary>
internal enum CudnnHeuristics
{
    Fallback = 2,
    A = 3,
}

/// <summary>cudnnBackendNumericalNote_t.</summary>
internal enum CudnnNote
{
    Nondeterministic = 4,
}
