using Mesh.Protocol.Time;

namespace Mesh.Protocol.Tunnel;

/// <summary>Keeps one optional deadline for each <see cref="TunnelTimer"/>. Not safe for concurrent use.</summary>
sealed class TimerTable
{
    readonly Instant?[] _deadlines = new Instant?[(int)TunnelTimer.ZeroKeys + 1];

    /// <summary>Gets the earliest deadline.</summary>
    public Deadline? Next
    {
        get
        {
            Deadline? next = null;
            for (var i = 0; i < _deadlines.Length; i++)
            {
                if (_deadlines[i] is { } at && (next is null || at < next.Value.At))
                    next = new Deadline(at, (TunnelTimer)i);
            }
            return next;
        }
    }

    /// <summary>Gets a timer's deadline, or null when it is not armed.</summary>
    public Instant? this[TunnelTimer timer] => _deadlines[(int)timer];

    /// <summary>Arms a timer, or disarms it with null.</summary>
    public void Set(TunnelTimer timer, Instant? at) => _deadlines[(int)timer] = at;

    /// <summary>Disarms a timer.</summary>
    public void Clear(TunnelTimer timer) => _deadlines[(int)timer] = null;

    /// <summary>Disarms all timers.</summary>
    public void ClearAll() => Array.Clear(_deadlines);

    /// <summary>Disarms and returns the earliest timer that is due.</summary>
    public bool TryTakeDue(Instant now, out TunnelTimer timer)
    {
        var next = Next;
        timer = next.GetValueOrDefault().Timer;
        if (next is null || next.Value.At > now)
            return false;
        Clear(timer);
        return true;
    }
}
