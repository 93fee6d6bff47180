namespace Culvert.Controller.Sources;

/// <summary>Where objects come from: a folder, or a cluster.</summary>
internal interface IObjectSource : IAsyncDisposable
{
    /// <summary>The latest set; never null, not <see cref="ObjectSet.IsRead"/> before the first read.</summary>
    ObjectSet Current { get; }

    /// <summary>Raised after <see cref="Current"/> has changed, one call at a time, on any thread.</summary>
    event Action? Changed;
}
