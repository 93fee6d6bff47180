using System.Diagnostics.CodeAnalysis;

namespace Culvert.NodeAgent.WorkloadApi;

/// <summary>Those who wait to be asked for, by turns of their workloads: one that wants many does not keep others waiting. Not thread-safe.</summary>
internal sealed class JwtAskQueue
{
    // In the order of their turns; each has something that waits.
    private readonly LinkedList<List<JwtAsk>> _turns = [];

    internal bool IsEmpty => _turns.Count == 0;

    internal void Add(JwtAsk ask)
    {
        foreach (List<JwtAsk> own in _turns)
        {
            if (own[0].Uid != ask.Uid) continue;
            own.Add(ask);
            return;
        }
        _turns.AddLast(new List<JwtAsk> { ask });
    }

    /// <summary>Adds one whose turn has come already, and was for nothing: before all others of its workload, and that before all others if it has none that wait.</summary>
    internal void AddAgain(JwtAsk ask)
    {
        foreach (List<JwtAsk> own in _turns)
        {
            if (own[0].Uid != ask.Uid) continue;
            own.Insert(0, ask);
            return;
        }
        _turns.AddFirst(new List<JwtAsk> { ask });
    }

    /// <summary>Takes the next one.</summary>
    internal bool TryTake([NotNullWhen(true)] out JwtAsk? ask)
    {
        ask = null;
        if (_turns.First is not { } turn) return false;
        ask = turn.Value[0];
        turn.Value.RemoveAt(0);
        _turns.Remove(turn);
        if (turn.Value.Count > 0) _turns.AddLast(turn);
        return true;
    }

    /// <summary>Takes one out; false where it does not wait.</summary>
    internal bool Remove(JwtAsk ask)
    {
        for (LinkedListNode<List<JwtAsk>>? turn = _turns.First; turn is not null; turn = turn.Next)
        {
            if (!turn.Value.Remove(ask)) continue;
            if (turn.Value.Count == 0) _turns.Remove(turn);
            return true;
        }
        return false;
    }
}
