namespace Culvert.Controller.Nodes;

/// <summary>Takes what nodes tell of workloads that they can't capture. Safe for any number of threads.</summary>
internal interface IRefusalSink
{
    /// <summary>Takes what a node tells in place of what it has told before.</summary>
    /// <param name="node">The node, which the caller has proven to be.</param>
    /// <param name="refused">By uid of a workload, why it can't be captured; uids have the form of one and may name what is not the node's, or not there.</param>
    /// <param name="blocked">By uid of a workload that stays guarded, why its packets do not get through; uids as of the others.</param>
    /// <returns>Zero; or, when nothing was taken, how long to wait: what one node changes concerns all of them.</returns>
    TimeSpan Take(string node, IReadOnlyDictionary<string, string> refused, IReadOnlyDictionary<string, string> blocked);
}
