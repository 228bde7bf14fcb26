using System.Net;
using Mesh.Controller.Enrollment;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Tests.Controller.Enrollment;

public sealed class AttemptLimiterTests
{
    static readonly Instant Start = new(TimeSpan.FromDays(1).Ticks);
    static readonly IPAddress Here = IPAddress.Parse("192.0.2.1");
    static readonly IPAddress Elsewhere = IPAddress.Parse("192.0.2.2");
    static readonly EntityId First = Id(1);
    static readonly EntityId Second = Id(2);

    readonly AttemptLimiter _limiter = new();

    [Fact]
    public void Attempts_that_are_not_counted_are_never_limited()
    {
        for (var i = 0; i < 10_000; i++)
            Assert.Equal(TimeSpan.Zero, _limiter.Check(Here, First, Start));
        Assert.Equal(0, _limiter.Count);
    }

    [Fact]
    public void The_eleventh_wrong_secret_for_one_credential_locks_it_out_for_thirty_seconds()
    {
        Fail(10, Here, First, Start);
        Assert.Equal(TimeSpan.Zero, _limiter.Check(Here, First, Start));
        Fail(1, Here, First, Start);
        Assert.Equal(TimeSpan.FromSeconds(30), _limiter.Check(Here, First, Start));
        Assert.Equal(TimeSpan.FromSeconds(1), _limiter.Check(Here, First, Start + TimeSpan.FromSeconds(29)));
        Assert.Equal(TimeSpan.Zero, _limiter.Check(Here, First, Start + TimeSpan.FromSeconds(30)));
    }

    [Fact]
    public void A_lock_out_of_one_credential_spares_another_from_the_same_address()
    {
        Fail(11, Here, First, Start);
        Assert.NotEqual(TimeSpan.Zero, _limiter.Check(Here, First, Start));
        Assert.Equal(TimeSpan.Zero, _limiter.Check(Here, Second, Start));
    }

    [Fact]
    public void Ten_thousand_guesses_never_limit_another_address()
    {
        var now = Start;
        for (var i = 0; i < 10_000; i++, now += TimeSpan.FromMilliseconds(50))
        {
            if (_limiter.Check(Here, First, now) == TimeSpan.Zero)
                _limiter.CountFailure(Here, First, now);
            Assert.Equal(TimeSpan.Zero, _limiter.Check(Elsewhere, First, now));
        }
        Assert.NotEqual(TimeSpan.Zero, _limiter.Check(Here, First, now));
    }

    [Fact]
    public void The_twenty_first_wrong_secret_locks_the_address_out_whatever_the_credential()
    {
        for (var i = 0; i < 21; i++)
            Fail(1, Here, Id(i + 1), Start);
        Assert.Equal(TimeSpan.FromSeconds(30), _limiter.Check(Here, Id(1000), Start));
        Assert.Equal(TimeSpan.Zero, _limiter.Check(Elsewhere, Id(1000), Start));
    }

    [Fact]
    public void Lock_outs_double_up_to_fifteen_minutes()
    {
        var now = Start;
        var seen = new List<double>();
        for (var guesses = 0; guesses < 100 && seen.Count < 7; guesses++)
        {
            Fail(1, Here, First, now);
            if (_limiter.Check(Here, First, now) is { Ticks: > 0 } wait)
            {
                seen.Add(wait.TotalSeconds);
                now += wait;
            }
        }
        Assert.Equal([30, 60, 120, 240, 480, 900, 900], seen);
    }

    [Fact]
    public void Guesses_trickle_in_at_the_refill_rate_only()
    {
        // A patient guesser who obeys every wait for a day, at one credential from one address.
        var now = Start;
        var guesses = 0;
        for (var end = Start + TimeSpan.FromDays(1); now < end; guesses++)
        {
            var wait = _limiter.Check(Here, First, now);
            now += wait;
            _limiter.CountFailure(Here, First, now);
            now += TimeSpan.FromMilliseconds(1);
        }
        // 10 at once, 5 per 15 minutes, and one that finds the bucket empty per lock-out.
        Assert.InRange(guesses, 100, 10 + 480 + 200);
    }

    [Fact]
    public void A_bucket_that_filled_up_again_is_forgotten_with_its_lock_outs()
    {
        Fail(11, Here, First, Start);
        var later = Start + TimeSpan.FromHours(2);
        Assert.Equal(TimeSpan.Zero, _limiter.Check(Here, First, later));
        Assert.Equal(0, _limiter.Count);
        Fail(11, Here, First, later);
        Assert.Equal(TimeSpan.FromSeconds(30), _limiter.Check(Here, First, later));
    }

    [Fact]
    public void Failures_that_were_let_through_together_start_one_lock_out()
    {
        Fail(60, Here, First, Start);
        Assert.Equal(TimeSpan.FromSeconds(30), _limiter.Check(Here, First, Start));
    }

    [Fact]
    public void Memory_is_bounded_and_the_least_recently_used_makes_room()
    {
        var limiter = new AttemptLimiter(capacity: 100);
        for (var i = 0; i < 50_000; i++)
            limiter.CountFailure(new IPAddress(BitConverter.GetBytes(i + 1)), Id(i + 1), Start);
        Assert.Equal(200, limiter.Count);
    }

    [Fact]
    public void An_ipv6_network_of_64_bits_is_one_place_and_a_mapped_ipv4_address_is_itself()
    {
        Fail(11, IPAddress.Parse("2001:db8::1"), First, Start);
        Assert.NotEqual(TimeSpan.Zero, _limiter.Check(IPAddress.Parse("2001:db8::ffff:1"), First, Start));
        Assert.Equal(TimeSpan.Zero, _limiter.Check(IPAddress.Parse("2001:db8:0:1::1"), First, Start));
        Fail(11, IPAddress.Parse("::ffff:192.0.2.1"), First, Start);
        Assert.NotEqual(TimeSpan.Zero, _limiter.Check(Here, First, Start));
    }

    void Fail(int times, IPAddress address, EntityId credential, Instant now)
    {
        for (var i = 0; i < times; i++)
            _limiter.CountFailure(address, credential, now);
    }

    static EntityId Id(int number)
    {
        var bytes = new byte[EntityId.Size];
        BitConverter.TryWriteBytes(bytes, number);
        return new EntityId(bytes);
    }
}
