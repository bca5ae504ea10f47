package tracker

import "math"

const earthRadiusKm = 6371.0

// Position is where a courier was seen.
type Position struct {
	Latitude  float64
	Longitude float64
}

func radians(degrees float64) float64 { return degrees * math.Pi / 180 }

// Distance returns the great-circle distance to another position in kilometres (haversine).
func (p Position) Distance(other Position) float64 {
	lat := radians(other.Latitude - p.Latitude)
	lon := radians(other.Longitude - p.Longitude)
	a := math.Sin(lat/2)*math.Sin(lat/2) +
		math.Cos(radians(p.Latitude))*math.Cos(radians(other.Latitude))*math.Sin(lon/2)*math.Sin(lon/2)
	return 2 * earthRadiusKm * math.Asin(math.Sqrt(a))
}
