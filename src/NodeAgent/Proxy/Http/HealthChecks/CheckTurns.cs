using System.Diagnostics.CodeAnalysis;

namespace Culvert.NodeAgent.Proxy.Http.HealthChecks;

/// <summary>
/// The backends that wait to be asked, and how many of each namespace are: namespaces take turns, and none has all places, so that one with thousands of backends that do not answer does not keep others' from being asked. Belongs to its
/// loop's thread.
/// </summary>
/// <param name="most">Most that are asked at a time, at least 1.</param>
internal sealed class CheckTurns(int most)
{
    // To a node that is gone a connection is on its way for ten times as long as an answer may take. Others are asked meanwhile.
    private const int MostLeft = 4;

    private readonly Dictionary<string, Waiting> _namespaces = new(StringComparer.Ordinal);
    private readonly LinkedList<Waiting> _turns = new(); // those in which any waits

    // A quarter is left for others, where there are so many.
    private readonly int _mostOfOne = Math.Max(1, most - (most / 4));

    private int _asking;
    private int _left; // of which something is left, those that are asked among them

    /// <summary>A backend waits for its place.</summary>
    internal void Add(BackendCheck check)
    {
        if (!_namespaces.TryGetValue(check.Namespace, out Waiting? waiting)) _namespaces.Add(check.Namespace, waiting = new Waiting());
        waiting.Checks.Enqueue(check);
        if (waiting.Turn.List is null) _turns.AddLast(waiting.Turn);
    }

    /// <summary>Gives a place to the next that waits.</summary>
    /// <param name="next">Which that is; its place is given back by <see cref="LeavePlace"/>, and that nothing of the question is left is told by <see cref="OnGone"/>.</param>
    /// <returns>False when there is none that may have one.</returns>
    internal bool TryTakePlace([NotNullWhen(true)] out BackendCheck? next)
    {
        next = null;
        if (_asking >= most || _left >= MostLeft * most) return false;
        LinkedListNode<Waiting>? turn = _turns.First;
        while (turn is not null && (turn.Value.Asking >= _mostOfOne || turn.Value.Left >= MostLeft * _mostOfOne)) turn = turn.Next;
        if (turn is null) return false;
        next = turn.Value.Checks.Dequeue();
        turn.Value.Asking++;
        turn.Value.Left++;
        _asking++;
        _left++;
        _turns.Remove(turn);
        if (turn.Value.Checks.Count > 0) _turns.AddLast(turn);
        return true;
    }

    /// <summary>One that has had a place has answered, or has not in time.</summary>
    internal void LeavePlace(BackendCheck check)
    {
        _asking--;
        _namespaces[check.Namespace].Asking--;
    }

    /// <summary>Nothing is left of a question: no connection that was not made in time is on its way any more. Its place was given back.</summary>
    internal void OnGone(BackendCheck check)
    {
        _left--;
        Waiting waiting = _namespaces[check.Namespace];
        if (--waiting.Left == 0 && waiting.Checks.Count == 0) _namespaces.Remove(check.Namespace);
    }

    /// <summary>Nobody waits any more.</summary>
    internal void Clear()
    {
        foreach (Waiting waiting in _turns) waiting.Checks.Clear();
        _turns.Clear();
    }

    private sealed class Waiting
    {
        internal Waiting() => Turn = new LinkedListNode<Waiting>(this);

        internal Queue<BackendCheck> Checks { get; } = [];

        internal LinkedListNode<Waiting> Turn { get; }

        internal int Asking { get; set; }

        internal int Left { get; set; }
    }
}
