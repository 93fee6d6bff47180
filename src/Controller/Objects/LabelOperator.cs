namespace Culvert.Controller.Objects;

/// <summary>What a <see cref="LabelRequirement"/> asks of a label.</summary>
internal enum LabelOperator
{
    /// <summary>It is there, with one of the values.</summary>
    In,

    /// <summary>It is not there, or with another value.</summary>
    NotIn,

    /// <summary>It is there.</summary>
    Exists,

    /// <summary>It is not there.</summary>
    DoesNotExist,
}
