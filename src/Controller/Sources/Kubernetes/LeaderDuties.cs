namespace Culvert.Controller.Sources.Kubernetes;

/// <summary>What the controller that leads does beside writing statuses. What is added before the first election counts; not thread-safe until then.</summary>
internal sealed class LeaderDuties
{
    private readonly List<Func<CancellationToken, Task>> _duties = [];

    /// <summary>Adds one.</summary>
    /// <param name="duty">Begins it; it ends, without an exception, when the token is cancelled, and does nothing afterwards.</param>
    public void Add(Func<CancellationToken, Task> duty) => _duties.Add(duty);

    /// <summary>Does all, until they have ended.</summary>
    public Task RunAsync(CancellationToken leading) => Task.WhenAll(_duties.Select(d => d(leading)));
}
