namespace Mesh.Tests.Engine.Model;

/// <summary>Time that moves when told to. What falls due happens in the order of moments, at equal moments in the order of scheduling.</summary>
sealed class ReferenceClock
{
    readonly List<Appointment> _appointments = [];
    int _lastOrder;

    public TimeSpan Now { get; private set; }

    public Appointment Schedule(TimeSpan delay, TimeSpan? interval, Action action)
    {
        var appointment = new Appointment(Now + delay, ++_lastOrder, interval, action);
        _appointments.Add(appointment);
        return appointment;
    }

    public void Advance(TimeSpan time)
    {
        var until = Now + time;
        while (true)
        {
            _appointments.RemoveAll(static each => each.IsCancelled);
            var next = _appointments.Where(each => each.Due <= until).OrderBy(static each => each.Due).ThenBy(static each => each.Order)
                .FirstOrDefault();
            if (next is null)
                break;
            Now = next.Due;
            _appointments.Remove(next);
            next.Action();
            if (next.Interval is { } interval)
            {
                next.Due = Now + interval;
                next.Order = ++_lastOrder;
                _appointments.Add(next);
            }
        }
        Now = until;
    }
}

/// <summary>Something that is to happen.</summary>
sealed class Appointment(TimeSpan due, int order, TimeSpan? interval, Action action)
{
    public TimeSpan Due { get; set; } = due;

    public int Order { get; set; } = order;

    public TimeSpan? Interval { get; } = interval;

    public Action Action { get; } = action;

    public bool IsCancelled { get; set; }
}
