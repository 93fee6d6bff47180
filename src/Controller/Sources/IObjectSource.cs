using Culvert.Controller.Statuses;

namespace Culvert.Controller.Sources;

/// <summary>
/// Where objects come from: a folder, or a cluster. It says what it holds, one declaration after the other, and decides nothing: which of several counts, what becomes
/// of one that is wrong and which conflict is the store's to say.
/// </summary>
internal interface IObjectSource : IAsyncDisposable
{
    /// <summary>What it is, for messages: a folder's path, a cluster's address.</summary>
    string Name { get; }

    /// <summary>Where it is told what has become of what it tells.</summary>
    IStatusSink Status { get; }

    /// <summary>
    /// Begins to tell the sink what there is, and goes on telling what changes until it is disposed of. One call to the sink is under way at a time, on any thread.
    /// A source that can read at once has done so when this returns.
    /// </summary>
    void Start(IObjectSink sink);
}
