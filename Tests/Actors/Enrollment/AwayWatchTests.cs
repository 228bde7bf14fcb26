using Mesh.Actors.Enrollment;
using Mesh.Actors.Ports;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Tests.Actors.Enrollment;

public sealed class AwayWatchTests
{
    static readonly TimeSpan Timeout = TimeSpan.FromMinutes(5);
    static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);
    static readonly NodeId Node = new(new EntityId([0, 0, 0, 0, 0, 0, 0, 0, 0, 5]));

    readonly AwayWatch _watch = new(Timeout, Interval);
    WallTime _now = new(1_700_000_000_000);
    NodePresence _presence = new();

    [Fact]
    public void Finds_a_node_once_it_has_been_away_for_the_time()
    {
        Assert.Equal(31, LooksUntilFound());
        Assert.Empty(_watch.Look([], Presence, _now));
    }

    [Fact]
    public void Begins_anew_where_the_node_came_back_in_the_window()
    {
        Look(25);
        _presence = _presence with { Online = true };
        Look(1);
        _presence = _presence with { Online = false, LastSeen = _now };
        Assert.Equal(31, LooksUntilFound());
    }

    [Fact]
    public void Never_finds_a_node_that_is_online_however_the_clock_goes()
    {
        _presence = new NodePresence(Online: true, LastSeen: _now);
        foreach (var step in (TimeSpan[])[TimeSpan.FromDays(1), -TimeSpan.FromDays(3), TimeSpan.FromHours(9), TimeSpan.FromDays(900)])
        {
            _now += step;
            Assert.Empty(_watch.Look([Node], Presence, _now));
        }
    }

    [Fact]
    public void A_clock_that_is_set_forward_deletes_nobody_early()
    {
        Look(3);
        _now += TimeSpan.FromHours(14);
        Look(1);
        Assert.InRange(LooksUntilFound(), 25, 31);
    }

    [Fact]
    public void A_start_of_the_controller_counts_from_there_whatever_was_seen_when()
    {
        _presence = new NodePresence(LastSeen: _now - TimeSpan.FromDays(2));
        Assert.Equal(31, LooksUntilFound());
        _watch.Forget();
        Assert.Equal(31, LooksUntilFound());
    }

    [Fact]
    public void Keeps_a_node_that_another_controller_hears_of()
    {
        for (var i = 0; i < 100; i++)
        {
            _presence = new NodePresence(LastSeen: _now - TimeSpan.FromSeconds(30));
            Look(1);
        }
    }

    void Look(int times)
    {
        for (var i = 0; i < times; i++)
        {
            Assert.Empty(_watch.Look([Node], Presence, _now));
            _now += Interval;
        }
    }

    int LooksUntilFound()
    {
        for (var i = 1; ; i++)
        {
            Assert.True(i < 1000, "never found");
            if (_watch.Look([Node], Presence, _now).Count > 0)
                return i;
            _now += Interval;
        }
    }

    NodePresence Presence(NodeId node) => _presence;
}
