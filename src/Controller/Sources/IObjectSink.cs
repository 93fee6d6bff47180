namespace Culvert.Controller.Sources;

/// <summary>Takes what a source tells.</summary>
internal interface IObjectSink
{
    /// <summary>Takes changes up, all at once. When it throws, the source tells everything anew with the next batch (<see cref="ObjectBatch.Replaces"/>).</summary>
    void Apply(ObjectBatch batch);
}
