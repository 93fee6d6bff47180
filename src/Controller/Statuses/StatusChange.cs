using Culvert.Controller.Sources;

namespace Culvert.Controller.Statuses;

/// <summary>A status that is other than before.</summary>
/// <param name="Key">The declaration.</param>
/// <param name="Status">Its status; null: the declaration is gone.</param>
internal readonly record struct StatusChange(DeclarationKey Key, ObjectStatus? Status);
