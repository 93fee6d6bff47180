using System.Globalization;

namespace Culvert.Cli.Installation;

/// <summary>When a command gives up waiting.</summary>
internal sealed class Deadline(TimeSpan time) : IDisposable
{
    private readonly CancellationTokenSource _source = new(time);

    /// <summary>Ends with it, or with another token.</summary>
    public CancellationTokenSource Linked(CancellationToken cancellationToken) => CancellationTokenSource.CreateLinkedTokenSource(_source.Token, cancellationToken);

    /// <summary>Waits for what ends when it is cancelled.</summary>
    /// <exception cref="CliException">The deadline has come.</exception>
    public async Task WaitAsync(string what, Func<CancellationToken, Task> wait, CancellationToken cancellationToken)
    {
        using var either = Linked(cancellationToken);
        try
        {
            await wait(either.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new CliException(ExitCode.Failed, $"gave up after {this} waiting for {what}", "run the same again, with a longer --timeout where it is only slow");
        }
    }

    public void Dispose() => _source.Dispose();

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0} s");
}
