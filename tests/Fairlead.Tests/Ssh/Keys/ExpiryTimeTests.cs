using System.Globalization;
using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

public sealed class ExpiryTimeTests
{
    private static readonly TimeZoneInfo berlin = Zone();

    [Theory]
    [InlineData("20260315Z", "2026-03-15T00:00:00")]
    [InlineData("20260315z", "2026-03-15T00:00:00")]
    [InlineData("20260315UTC", "2026-03-15T00:00:00")]
    [InlineData("202603151430Z", "2026-03-15T14:30:00")]
    [InlineData("20260315143059Z", "2026-03-15T14:30:59")]
    [InlineData("20240229Z", "2024-02-29T00:00:00")]
    [InlineData("20260115", "2026-01-14T23:00:00")]
    [InlineData("20260715", "2026-07-14T22:00:00")]
    [InlineData("202607151430", "2026-07-15T12:30:00")]
    [InlineData("20260715143059", "2026-07-15T12:30:59")]
    [InlineData("202610250230", "2026-10-25T00:30:00")] // shown twice: the first time
    [InlineData("202603290230", "2026-03-29T01:30:00")] // never shown
    [InlineData("00010101", "0001-01-01T00:00:00")]
    [InlineData("99991231235959Z", "9999-12-31T23:59:59")]
    public void A_time_is_read_in_the_zone_of_the_place_or_in_UTC(string text, string utc) =>
        Assert.Equal(DateTimeOffset.Parse(utc, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal), ExpiryTime.Parse(text, berlin));

    [Theory]
    [InlineData("")]
    [InlineData("Z")]
    [InlineData("UTC")]
    [InlineData("2026")]
    [InlineData("2026031")]
    [InlineData("202603151")]
    [InlineData("2026031514")]
    [InlineData("2026031514305")]
    [InlineData("202603151430590")]
    [InlineData("20260230")]
    [InlineData("20260015")]
    [InlineData("20261301")]
    [InlineData("202603152430")]
    [InlineData("202603151460")]
    [InlineData("20260315143060")]
    [InlineData("2026-03-15")]
    [InlineData("20260315 Z")]
    [InlineData(" 20260315")]
    [InlineData("20260315+0100")]
    [InlineData("00000101")]
    [InlineData("+2h")]
    public void What_is_no_time_is_refused(string text) => Assert.Throws<FormatException>(() => ExpiryTime.Parse(text, berlin));

    // Of its own, as a machine need not have any.
    private static TimeZoneInfo Zone()
    {
        static TimeZoneInfo.TransitionTime LastSunday(int month, int hour) => TimeZoneInfo.TransitionTime.CreateFloatingDateRule(new DateTime(1, 1, 1, hour, 0, 0), month, 5, DayOfWeek.Sunday);
        var summer = TimeZoneInfo.AdjustmentRule.CreateAdjustmentRule(DateTime.MinValue.Date, DateTime.MaxValue.Date, TimeSpan.FromHours(1), LastSunday(3, 2), LastSunday(10, 3));
        return TimeZoneInfo.CreateCustomTimeZone("test", TimeSpan.FromHours(1), null, null, null, [summer]);
    }
}
