namespace Culvert.Kubernetes.Tests.Support;

/// <summary>Waits for what comes about by itself, as long as a busy machine may take.</summary>
internal static class Soon
{
    internal static readonly TimeSpan Limit = TimeSpan.FromSeconds(90);

    /// <summary>Waits for a task.</summary>
    internal static Task Ends(Task task) => task.WaitAsync(Limit);

    /// <summary>Waits for a task.</summary>
    internal static Task<T> Ends<T>(Task<T> task) => task.WaitAsync(Limit);

    /// <summary>Waits for a condition that nobody tells of.</summary>
    /// <param name="what">The condition.</param>
    /// <param name="condition">Asks whether it holds.</param>
    /// <param name="instead">What there is instead; null: the condition says enough.</param>
    /// <param name="limit">How long it may take; null: <see cref="Limit"/>.</param>
    internal static async Task Holds(string what, Func<Task<bool>> condition, Func<string>? instead = null, TimeSpan? limit = null)
    {
        TimeSpan most = limit ?? Limit;
        long start = TimeProvider.System.GetTimestamp();
        while (!await condition())
        {
            if (TimeProvider.System.GetElapsedTime(start) > most) Assert.Fail($"not within {most.TotalSeconds} s: {what}{(instead is null ? "" : $"; there is: {instead()}")}");
            await Task.Delay(20);
        }
    }

    /// <summary>Waits for a condition that nobody tells of.</summary>
    internal static Task Holds(string what, Func<bool> condition, Func<string>? instead = null, TimeSpan? limit = null) => Holds(what, () => Task.FromResult(condition()), instead, limit);
}
