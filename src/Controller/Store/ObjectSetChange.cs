using Culvert.Controller.Objects;

namespace Culvert.Controller.Store;

/// <summary>A step from one set of objects in force to the next. Immutable.</summary>
/// <param name="Before">What was in force.</param>
/// <param name="After">What is.</param>
/// <param name="Keys">The objects that were added, changed or removed; none where only the settings of the mesh, errors or warnings have changed.</param>
internal sealed record ObjectSetChange(ObjectSet Before, ObjectSet After, IReadOnlyCollection<ObjectKey> Keys);
