namespace Culvert.Cli.Demo;

/// <summary>One thing the demo shows.</summary>
internal interface IDemoStep
{
    /// <summary>Short name, for <c>--steps</c>.</summary>
    string Name { get; }

    /// <summary>What it shows, as a statement.</summary>
    string Title { get; }

    /// <summary>Shows it.</summary>
    /// <returns>The evidence.</returns>
    /// <exception cref="DemoFailedException">It is not so.</exception>
    Task<string> RunAsync(DemoWorld world, CancellationToken cancellationToken);
}
