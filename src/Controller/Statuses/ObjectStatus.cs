using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Core;

namespace Culvert.Controller.Statuses;

/// <summary>What is to be said of a declaration to whoever has made it. Immutable.</summary>
/// <param name="Object">The object; null when it could not be made out.</param>
/// <param name="Origin">The very version of the declaration that this is about.</param>
/// <param name="State">What has become of it.</param>
/// <param name="Errors">Why it is not accepted; empty when it is.</param>
internal sealed record ObjectStatus(ObjectKey? Object, ObjectOrigin Origin, ObjectState State, EquatableArray<SourceError> Errors)
{
    /// <summary>What of it, though in force, likely does not do what it was meant to.</summary>
    public EquatableArray<SourceError> Warnings { get; init; }
}
