using Culvert.Controller.Objects;

namespace Culvert.Controller.Store;

/// <summary>What an <see cref="ObjectResolver"/> has decided in one step.</summary>
/// <param name="Next">The objects that are in force from now on, and the errors; warnings are those from before.</param>
/// <param name="Changed">The objects that are not what they were.</param>
/// <param name="Decided">The objects that were looked at.</param>
internal sealed record Resolution(ObjectSet Next, List<ObjectKey> Changed, HashSet<ObjectKey> Decided);
