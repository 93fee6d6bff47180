namespace Culvert.Controller.Api;

/// <summary>Lets a connection of a client that has proven no node ask for one node certificate at a time; kept with the connection. Safe for any number of threads.</summary>
internal sealed class JoinTurn
{
    /// <summary>Where it is among the items of a connection.</summary>
    public static readonly object Key = new();

    private int _isTaken;

    /// <summary>Takes the turn; false where another call has it.</summary>
    public bool TryTake() => Interlocked.Exchange(ref _isTaken, 1) == 0;

    /// <summary>Gives it back.</summary>
    public void Release() => Volatile.Write(ref _isTaken, 0);
}
