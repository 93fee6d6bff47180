namespace Culvert.Cli.Demo;

/// <summary>One thing the demo shows.</summary>
internal interface IDemoStep
{
    /// <summary>What it shows, as a statement.</summary>
    string Title { get; }

    /// <summary>Shows it.</summary>
    /// <returns>The evidence.</returns>
    /// <exception cref="DemoFailedException">It is not so.</exception>
    Task<string> RunAsync(DemoWorld world, CancellationToken cancellationToken);
}
