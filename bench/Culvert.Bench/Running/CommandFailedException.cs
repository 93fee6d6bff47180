namespace Culvert.Bench.Running;

/// <summary>A command that the bench depends on ended with a code other than 0.</summary>
internal sealed class CommandFailedException : Exception
{
    public CommandFailedException(string message)
        : base(message)
    {
    }
}
